//! Replays scenarios and writes what happened:
//! `trace --via core|axum|warp|rocket < scenarios.jsonl > traces.jsonl`

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use http_session_conformance::files::read_lines;
use http_session_conformance::scenario::Scenario;
use http_session_conformance::via::Via;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let via = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--via", name] => name.parse(),
        _ => {
            Err("usage: trace --via core|axum|warp|rocket < scenarios.jsonl > traces.jsonl".into())
        }
    };
    match via.map_err(io::Error::other).and_then(replay) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("trace: {error}");
            ExitCode::FAILURE
        }
    }
}

fn replay(via: Via) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for scenario in read_lines::<Scenario>(io::stdin().lock())? {
        serde_json::to_writer(&mut out, &via.replay(&scenario))?;
        out.write_all(b"\n")?;
    }
    out.flush()
}
