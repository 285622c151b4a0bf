//! Does the time that a forged cookie takes tell how much of its signature is right?
//!
//! `cargo run --release -p http-session --example timing [samples]` measures, as dudect does, two
//! kinds of forged cookies in random order: the first character of the signature is wrong, or the
//! last one. Welch's t-test compares their times, over several crops of the slowest samples; |t|
//! below 4.5 is no difference that can be told. The same is done with a comparison that stops at
//! the first difference: if that does not show, the measurement could show nothing, and it fails.

#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement has a clock, and prints"
)]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use http_session::{Begin, Config, RequestFacts, Timestamp};
use sha2::Sha256;

const ID: &str = "0123456789abcdefghijklmnopqrstuv";
const SECRET: &[u8] = b"a secret of tests, 32 bytes long";
/// Beyond this, two distributions differ.
const LIMIT: f64 = 4.5;
/// A run's own drift at its beginning is not measured.
const WARM_UP: usize = 10_000;

fn signature(id: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("any length");
    mac.update(id.as_bytes());
    STANDARD_NO_PAD.encode(mac.finalize().into_bytes())
}

/// A Cookie line whose signature has another character at `place`.
fn forged(place: usize) -> Vec<u8> {
    let mut text = signature(ID).into_bytes();
    text[place] = if text[place] == b'A' { b'B' } else { b'A' };
    [format!("__Host-id=s:{ID}.").as_bytes(), &text].concat()
}

/// Takes the same time for each request, if the library keeps its promise.
fn library(config: &Config, line: &[u8], now: Timestamp) -> bool {
    let request = RequestFacts { path: "/", ..RequestFacts::default() };
    matches!(config.begin(&request, [line], now), Begin::Load(_))
}

/// What the library must not do: it stops at the first difference.
fn leaky(line: &[u8]) -> bool {
    let dot = line.iter().rposition(|byte| *byte == b'.').expect("a dot");
    let (id, presented) = (&line[b"__Host-id=s:".len()..dot], &line[dot + 1..]);
    let right = signature(str::from_utf8(id).expect("ASCII"));
    right.bytes().zip(presented).all(|(right, given)| black_box(right) == black_box(*given))
}

/// Numbers that look random; the same in each run.
struct XorShift(u64);

impl XorShift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Nanoseconds of each sample, with the kind that it was.
fn measure(samples: usize, run: impl Fn(&[u8]) -> bool) -> Vec<(f64, bool)> {
    let lines = [forged(0), forged(signature(ID).len() - 1)];
    // Both kinds are read from the same place.
    let mut line = lines[0].clone();
    let mut random = XorShift(0x9E37_79B9_7F4A_7C15);
    let mut times = Vec::with_capacity(2 * samples);
    for sample in 0..WARM_UP + 2 * samples {
        let last = random.next() & 1 == 1;
        line.copy_from_slice(&lines[usize::from(last)]);
        let start = Instant::now();
        let accepted = run(black_box(&line));
        let time = start.elapsed();
        assert!(!black_box(accepted), "a forged cookie is not accepted");
        if sample >= WARM_UP {
            times.push((time.as_secs_f64() * 1e9, last));
        }
    }
    times
}

/// Welch's t of the two kinds, among the samples that took less than `limit`.
fn welch(times: &[(f64, bool)], limit: f64) -> f64 {
    let moments = |kind: bool| {
        let kept = times.iter().filter(|(time, last)| *last == kind && *time <= limit);
        let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for (time, _) in kept {
            count += 1.0;
            let delta = time - mean;
            mean += delta / count;
            squares += delta * (time - mean);
        }
        (mean, squares / (count - 1.0) / count)
    };
    let ((first, first_error), (last, last_error)) = (moments(false), moments(true));
    (first - last) / (first_error + last_error).sqrt()
}

/// The largest |t| over all crops.
fn largest(name: &str, times: &[(f64, bool)]) -> f64 {
    let mut sorted: Vec<f64> = times.iter().map(|(time, _)| *time).collect();
    sorted.sort_by(f64::total_cmp);
    let mut largest: f64 = 0.0;
    print!("{name}: median {:.0} ns; t", sorted[sorted.len() / 2]);
    for percent in [50, 75, 90, 95, 99] {
        let t = welch(times, sorted[(sorted.len() - 1) * percent / 100]);
        largest = largest.max(t.abs());
        print!(" {t:.2} ({percent} %)");
    }
    println!("; |t| at most {largest:.2}");
    largest
}

fn main() -> ExitCode {
    let samples = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse());
    let Ok(samples) = samples else {
        eprintln!("usage: timing [samples of each kind]");
        return ExitCode::FAILURE;
    };
    let config = Config::recommended(SECRET).build().expect("sound options");
    let now = Timestamp::from_millis(1_700_000_000_000).expect("a moment");
    let times = measure(samples, |line| library(&config, line, now));
    let constant = largest("http-session", &times);
    let control = largest("stops at the first difference", &measure(samples, leaky));
    if control < LIMIT {
        eprintln!("the control does not show: take more samples, or a quieter machine");
        return ExitCode::FAILURE;
    }
    if constant < LIMIT { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
