//! Drives each combination of options through scripted requests, and checks what was promised:
//! `space [--preset express|recommended] [--scripts 1..30] [--stride N] [--threads N]`

use std::process::ExitCode;
use std::time::Instant;

use http_session_conformance::scenario::Preset;
use http_session_conformance::space::{SCRIPTS, Walk};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("space: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let usage =
        "usage: space [--preset express|recommended] [--scripts 1..30] [--stride N] [--threads N]";
    let (mut scripts, mut stride, mut threads) = (1, 1, 1);
    let mut presets = vec![Preset::Express, Preset::Recommended];
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or(usage)?;
        let number = || value.parse().ok().filter(|number: &usize| *number > 0).ok_or(usage);
        match &*option {
            "--preset" if value == "express" => presets = vec![Preset::Express],
            "--preset" if value == "recommended" => presets = vec![Preset::Recommended],
            "--scripts" => scripts = number()?.min(SCRIPTS),
            "--stride" => stride = number()?,
            "--threads" => threads = number()?,
            _ => return Err(usage.into()),
        }
    }
    for &preset in &presets {
        let begin = Instant::now();
        let report = Walk { preset, scripts, stride, threads }.go();
        let report = report.map_err(|failure| failure.to_string())?;
        println!("{preset:?}: {report}in {:.1} s\n", begin.elapsed().as_secs_f64());
        // Under express there are no timeouts and no new ids of living sessions.
        let expected = if preset == Preset::Express { &["P-4b", "P-5a", "P-5b"][..] } else { &[] };
        let idle = report.tally.idle(&[preset]);
        if idle != expected {
            return Err(format!("never applied: {idle:?}, expected were {expected:?}"));
        }
    }
    Ok(())
}
