//! Lists the rules B-001 to B-216 with the tests of each, or why it can't occur in Rust. Fails if one
//! has neither: `cargo run -q -p http-session-conformance --bin rules [--all]`

use std::path::Path;
use std::process::ExitCode;

use http_session_conformance::rules::Rules;

fn main() -> ExitCode {
    let most = match std::env::args().nth(1).as_deref() {
        None => 3,
        Some("--all") => usize::MAX,
        Some(_) => {
            eprintln!("usage: rules [--all]");
            return ExitCode::FAILURE;
        }
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."));
    match Rules::of(root) {
        Ok(rules) => {
            println!("{}", rules.report(most));
            let complaints = rules.complaints();
            for complaint in &complaints {
                eprintln!("{complaint}");
            }
            if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("rules: {error}");
            ExitCode::FAILURE
        }
    }
}
