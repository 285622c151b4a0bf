//! Lists the attacks that the library is tested with, each with its tests, or why there is none. Fails if one has
//! neither, or both: `cargo run -q -p http-session-conformance --no-default-features --bin adversarial [--all]`

use std::path::Path;
use std::process::ExitCode;

use http_session_conformance::adversarial::Attacks;

fn main() -> ExitCode {
    let most = match std::env::args().nth(1).as_deref() {
        None => 3,
        Some("--all") => usize::MAX,
        Some(_) => {
            eprintln!("usage: adversarial [--all]");
            return ExitCode::FAILURE;
        }
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."));
    match Attacks::of(root) {
        Ok(attacks) => {
            println!("{}", attacks.report(most));
            let complaints = attacks.complaints();
            for complaint in &complaints {
                eprintln!("{complaint}");
            }
            if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("adversarial: {error}");
            ExitCode::FAILURE
        }
    }
}
