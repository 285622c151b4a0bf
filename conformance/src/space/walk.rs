//! Going through the space.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sha2::{Digest, Sha256};

use super::{COMBINATIONS, SCRIPTS, fill, first_script, point, scripts, try_out};
use crate::invariants::{Tally, Violation};
use crate::scenario::{Preset, Scenario};

/// How many combinations a thread takes at once.
const CHUNK: usize = 4_096;

/// One of this many scenarios is replayed a second time.
const TWICE: usize = 64;

/// Which part of the space is walked through, and how.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    /// The preset.
    pub preset: Preset,
    /// With how many scripts each combination is driven.
    pub scripts: usize,
    /// Every how many-th combination, from the first on.
    pub stride: usize,
    /// On how many threads.
    pub threads: usize,
}

/// What came of a walk.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many combinations there were.
    pub combinations: usize,
    /// How many runs there were: of a combination with a script.
    pub runs: usize,
    /// How many of them were refused.
    pub refused: usize,
    /// How many requests there were.
    pub requests: usize,
    /// How many were replayed a second time.
    pub twice: usize,
    /// How often each invariant was applied.
    pub tally: Tally,
    /// Of each chunk, the SHA-256 of its traces.
    chunks: Vec<[u8; 32]>,
}

/// A scenario that breaks a promise.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The scenario.
    pub scenario: Scenario,
    /// What is wrong.
    pub violation: Violation,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = serde_json::to_string(&self.scenario).expect("a scenario has a JSON text");
        let run = "cargo run --release -q -p http-session-conformance --no-default-features --bin trace -- --via core";
        write!(f, "{}\n{line}\nreplay that line with `{run}`", self.violation)
    }
}

impl Walk {
    /// Goes.
    ///
    /// # Errors
    /// A scenario that breaks a promise: if there is one on several threads, that of the first combination.
    pub fn go(self) -> Result<Report, Box<Failure>> {
        let count = COMBINATIONS.div_ceil(self.stride);
        let next = AtomicUsize::new(0);
        let chunks = count.div_ceil(CHUNK);
        let work = || {
            let mut done = Vec::new();
            loop {
                let chunk = next.fetch_add(1, Ordering::Relaxed);
                if chunk >= chunks {
                    return done;
                }
                let report = self.chunk(chunk * CHUNK..count.min((chunk + 1) * CHUNK));
                let failed = report.is_err();
                done.push((chunk, report));
                if failed {
                    next.store(chunks, Ordering::Relaxed);
                }
            }
        };
        let mut done = thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads.max(1)).map(|_| scope.spawn(work)).collect();
            let done = threads.into_iter().map(|thread| thread.join().expect("no replay panics"));
            done.flatten().collect::<Vec<_>>()
        });
        done.sort_by_key(|(chunk, _)| *chunk);
        let mut all = Report::default();
        for (_, report) in done {
            all.add(report?);
        }
        Ok(all)
    }

    fn chunk(self, places: std::ops::Range<usize>) -> Result<Report, Box<Failure>> {
        let mut report = Report::default();
        let mut hash = Hash(Sha256::new());
        for index in places.map(|place| place * self.stride) {
            report.combinations += 1;
            let (point, first) = (point(index), first_script(index));
            for script in (first..first + self.scripts).map(|script| script % SCRIPTS) {
                let mut scenario = scripts(self.preset)[script].clone();
                fill(&mut scenario, index, &point);
                let twice = report.runs.is_multiple_of(TWICE);
                let trace = match try_out(&scenario, twice, &mut report.tally) {
                    Ok(trace) => trace,
                    Err(violation) => return Err(Box::new(Failure { scenario, violation })),
                };
                report.runs += 1;
                report.twice += usize::from(twice);
                report.refused += usize::from(trace.rejected);
                report.requests += trace.requests.len();
                serde_json::to_writer(&mut hash, &trace).expect("a hash takes everything");
            }
        }
        report.chunks.push(hash.0.finalize().into());
        Ok(report)
    }
}

/// Takes bytes.
struct Hash(Sha256);

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Report {
    fn add(&mut self, more: Self) {
        self.combinations += more.combinations;
        self.runs += more.runs;
        self.refused += more.refused;
        self.requests += more.requests;
        self.twice += more.twice;
        self.tally += &more.tally;
        self.chunks.extend(more.chunks);
    }

    /// A hash over all traces, in their order: SHA-256 of those of each 4,096 combinations.
    #[must_use]
    pub fn hash(&self) -> String {
        let hash = Sha256::digest(self.chunks.concat());
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { combinations, runs, refused, requests, twice, tally, .. } = self;
        writeln!(
            f,
            "{combinations} combinations, {runs} runs, {refused} of them refused as they must be,"
        )?;
        writeln!(
            f,
            "{requests} requests; {twice} runs replayed a second time: the same trace, and no secret in any Debug"
        )?;
        writeln!(f, "SHA-256 of all traces: {}", self.hash())?;
        writeln!(f, "how often each invariant was applied:")?;
        tally.fmt(f)
    }
}
