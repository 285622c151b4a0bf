//! Fresh scenarios, recorded from the real express-session while the test runs.
//!
//! `SEED=1 COUNT=50000 cargo test --release -p http-session-conformance --test differential` takes
//! others, and more. It needs Node and npm; without them it says that it was skipped, and under `CI`
//! it fails.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use http_session_conformance::compare::Summary;
use http_session_conformance::files::read_lines;
use http_session_conformance::scenario::Scenario;
use http_session_conformance::trace::Trace;
use http_session_conformance::via::{Via, Wiring};

/// Runs a command in the recorder's folder; its standard output.
fn run(program: &str, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recorder");
    let error = |error| format!("{program} {arguments:?}: {error}");
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(error)?;
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().map_err(error)?;
    // A program that failed need not have read its input.
    let written = writer.join().expect("writing does not panic");
    match output.status.success() {
        true => written.map(|()| output.stdout).map_err(error),
        false => Err(format!("{program} {arguments:?}: {}", output.status)),
    }
}

fn variable(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.into())
}

fn install() -> Result<(), String> {
    if !Path::new(env!("CARGO_MANIFEST_DIR")).join("recorder/node_modules/express-session").exists()
    {
        run("npm", &["ci", "--silent"], b"")?;
    }
    run("node", &["--version"], b"").map(drop)
}

#[test]
fn fresh_scenarios_are_equal() {
    if let Err(error) = install() {
        assert!(std::env::var_os("CI").is_none(), "under CI the recorder must run: {error}");
        // Not `eprintln!`, which the test harness swallows when a test passes.
        let text = format!("SKIPPED fresh_scenarios_are_equal: the recorder can't run: {error}\n");
        std::io::stderr().write_all(text.as_bytes()).expect("stderr is open");
        return;
    }
    let (seed, count) = (variable("SEED", "20261124"), variable("COUNT", "500"));
    let arguments = ["generate.mjs", "random", "--seed", &seed, "--count", &count];
    let scenarios = run("node", &arguments, b"").expect("scenarios are generated");
    let recorded = run("node", &["record.mjs"], &scenarios).expect("scenarios are recorded");
    let scenarios: Vec<Scenario> = read_lines(&scenarios[..]).expect("scenarios can be read");
    let recorded: Vec<Trace> = read_lines(&recorded[..]).expect("traces can be read");
    for via in [Via::Core, Via::Axum(Wiring::Layer), Via::Warp, Via::Rocket] {
        let actual: Vec<Trace> = scenarios.iter().map(|scenario| via.replay(scenario)).collect();
        let compare = if via == Via::Rocket { Summary::of_rocket } else { Summary::of };
        let summary = compare(&scenarios, &recorded, &actual);
        println!("seed {seed} via {via:?}: {summary}");
        assert!(summary.passed(), "seed {seed} via {via:?}: {summary}");
        assert_eq!(summary.compared().to_string(), count, "all were compared");
    }
}
