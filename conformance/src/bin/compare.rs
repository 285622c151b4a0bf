//! Compares traces with recorded ones:
//! `compare scenarios.jsonl recorded.jsonl actual.jsonl` (each may be gzipped)

use std::io;
use std::process::ExitCode;

use http_session_conformance::compare::Summary;
use http_session_conformance::files::read_file;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scenarios, recorded, actual] = &arguments[..] else {
        eprintln!("usage: compare scenarios.jsonl recorded.jsonl actual.jsonl");
        return ExitCode::FAILURE;
    };
    let summary = || -> io::Result<Summary> {
        Ok(Summary::of(&read_file(scenarios)?, &read_file(recorded)?, &read_file(actual)?))
    };
    match summary() {
        Ok(summary) => {
            println!("{summary}");
            if summary.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}
