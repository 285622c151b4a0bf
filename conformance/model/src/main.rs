//! `cargo run -p http-session-model < scenarios.jsonl > traces.jsonl`

use std::io::{self, BufWriter, Write};

fn main() -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lines() {
        writeln!(out, "{}", http_session_model::replay(&line?)?)?;
    }
    out.flush()
}
