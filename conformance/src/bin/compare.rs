//! Compares traces with recorded ones:
//! `compare [--via rocket] scenarios.jsonl recorded.jsonl actual.jsonl` (each may be gzipped)
//!
//! `--via rocket` says that the actual ones are Rocket's: the difference D-rocket-bytes is then accepted.

use std::io;
use std::process::ExitCode;

use http_session_conformance::compare::Summary;
use http_session_conformance::files::read_file;
use http_session_conformance::scenario::Scenario;
use http_session_conformance::trace::Trace;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    type Compare = fn(&[Scenario], &[Trace], &[Trace]) -> Summary;
    let (compare, [scenarios, recorded, actual]): (Compare, _) = match arguments[..] {
        ["--via", "rocket", a, b, c] => (Summary::of_rocket, [a, b, c]),
        [a, b, c] => (Summary::of, [a, b, c]),
        _ => {
            eprintln!("usage: compare [--via rocket] scenarios.jsonl recorded.jsonl actual.jsonl");
            return ExitCode::FAILURE;
        }
    };
    let summary = || -> io::Result<Summary> {
        Ok(compare(&read_file(scenarios)?, &read_file(recorded)?, &read_file(actual)?))
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
