//! Lets each call of the store in each scenario fail in every way: `faults [every] [scenarios.jsonl[.gz]...]`,
//! where `every` is how many scenarios to go on at a time, 1 by default. Without a file, all fixtures.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs, io};

use http_session_conformance::faults::{Fault, Tally, check, under_recommended};
use http_session_conformance::files::read_file;
use http_session_conformance::scenario::{Preset, Scenario};

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1).peekable();
    let every = arguments.peek().and_then(|every| every.parse().ok());
    let files: Vec<_> = arguments.skip(usize::from(every.is_some())).map(PathBuf::from).collect();
    match run(every.unwrap_or(1), files) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("faults: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(every: usize, mut files: Vec<PathBuf>) -> io::Result<bool> {
    let (start, mut tally) = (Instant::now(), Tally::default());
    if files.is_empty() {
        let fixtures = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"))?;
        let fixtures: io::Result<Vec<_>> =
            fixtures.map(|entry| entry.map(|entry| entry.path())).collect();
        files = fixtures?;
        files.retain(|path| path.to_string_lossy().contains(".scenarios."));
        files.sort();
    }
    for file in files {
        for scenario in read_file::<Scenario>(&file)?.iter().step_by(every) {
            check(scenario, Fault::ALL, None, &mut tally);
            if scenario.options.preset() == Preset::Express {
                check(&under_recommended(scenario), Fault::ALL, None, &mut tally);
            }
        }
    }
    println!("{tally}{:.1?}", start.elapsed());
    Ok(tally.passed())
}
