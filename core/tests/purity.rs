//! The core is a function of its arguments: no I/O, no clock, no randomness, no shared state, no
//! threads, no `async`, no `unsafe`. The lints see what it calls; here its sources are read.

#![allow(clippy::disallowed_methods, reason = "this test reads the sources")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use quote::ToTokens;
use syn::Ident;
use syn::buffer::{Cursor, TokenBuffer};

const KEYWORDS: [&str; 3] = ["async", "static", "unsafe"];
/// Modules of std that reach beyond the arguments.
const MODULES: [&str; 5] = ["env", "fs", "net", "process", "thread"];
/// A clock, a random source, or state that is shared or set once, wherever it comes from. So are
/// the types whose names begin with `Atomic`.
const TYPES: [&str; 6] = ["Instant", "LazyLock", "Mutex", "OnceLock", "RandomState", "RwLock"];

/// What a source has that it must not have.
#[derive(Default)]
struct Findings(BTreeSet<String>);

impl Findings {
    fn of(source: &str) -> Self {
        let file = syn::parse_file(source).expect("Rust");
        let mut findings = Self::default();
        findings.tokens(TokenBuffer::new2(file.into_token_stream()).begin(), &[]);
        findings
    }

    /// Reads all tokens, those of macros as well. `root` is what stands before the braces of a
    /// `use`.
    fn tokens(&mut self, mut cursor: Cursor<'_>, root: &[String]) {
        let mut path = root.to_vec();
        while !cursor.eof() {
            if let Some((ident, rest)) = cursor.ident() {
                let word = ident.to_string();
                self.word(&word, rest);
                cursor = rest;
                if is_keyword(&word) {
                    path = root.to_vec();
                    continue;
                }
                path.push(word);
                if colons(cursor).is_some() {
                    continue;
                }
                self.path(&path, is_ident(cursor, "as"));
                path = root.to_vec();
            } else if let Some(rest) = colons(cursor) {
                cursor = rest;
                if let Some((inner, _, _, rest)) = cursor.any_group() {
                    self.tokens(inner, &path);
                    (cursor, path) = (rest, root.to_vec());
                } else if cursor.ident().is_none() {
                    let glob = cursor.punct().is_some_and(|(punct, _)| punct.as_char() == '*');
                    self.path(&path, glob);
                    path = root.to_vec();
                } else if path.is_empty() {
                    // `<T>::name`, or a path from the crates on.
                    path.push(String::new());
                }
            } else if let Some((inner, _, _, rest)) = cursor.any_group() {
                self.tokens(inner, root);
                cursor = rest;
            } else {
                // A lifetime is one token: `'static` is no `static`. So is a literal.
                let lifetime = cursor.lifetime().map(|(_, rest)| rest);
                let literal = || cursor.literal().map(|(_, rest)| rest);
                let punct = || cursor.punct().map(|(_, rest)| rest);
                cursor = lifetime.or_else(literal).or_else(punct).expect("a token");
            }
        }
    }

    fn word(&mut self, word: &str, rest: Cursor<'_>) {
        let atomic = word.strip_prefix("Atomic");
        let atomic = atomic.is_some_and(|rest| rest.starts_with(|next: char| next.is_uppercase()));
        if KEYWORDS.contains(&word) || TYPES.contains(&word) || atomic {
            self.0.insert(word.into());
        }
        if word == "thread_local" && rest.punct().is_some_and(|(punct, _)| punct.as_char() == '!') {
            self.0.insert("thread_local!".into());
        }
    }

    /// A whole path. `hides`: what comes of it has another name, or none that is seen.
    fn path(&mut self, path: &[String], hides: bool) {
        if path.windows(2).any(|pair| pair[1] == "now") {
            self.0.insert("::now".into());
        }
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let path = path.strip_prefix(&[""]).unwrap_or(&path);
        let path = path.strip_suffix(&["self"]).unwrap_or(path);
        let (["std", inner @ ..] | ["core", inner @ ..] | ["alloc", inner @ ..]) = path else {
            return;
        };
        if let Some(module) = inner.first().filter(|module| MODULES.contains(module)) {
            self.0.insert(format!("std::{module}"));
        }
        // Another name for std, or for the type that has the clock.
        if hides && (matches!(inner, [] | ["time"]) || inner.last() == Some(&"SystemTime")) {
            self.0.insert("hidden".into());
        }
    }
}

/// What follows after `::`.
fn colons(cursor: Cursor<'_>) -> Option<Cursor<'_>> {
    let (first, rest) = cursor.punct()?;
    let (second, rest) = rest.punct()?;
    (first.as_char() == ':' && second.as_char() == ':').then_some(rest)
}

/// A word that is no part of a path.
fn is_keyword(word: &str) -> bool {
    let root = ["Self", "crate", "self", "super"].contains(&word);
    !root && syn::parse_str::<Ident>(word).is_err()
}

fn is_ident(cursor: Cursor<'_>, word: &str) -> bool {
    cursor.ident().is_some_and(|(ident, _)| ident == word)
}

/// All files below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
        .into_iter()
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

#[test]
fn the_core_is_a_function_of_its_arguments() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |path: &Path| fs::read_to_string(path).expect("a source");
    let mut count = 0;
    for path in files(&folder) {
        if path.file_name().is_some_and(|name| name == "tests.rs") {
            // Read by the compiler in tests only.
            let module = path.parent().expect("a module").with_extension("rs");
            assert!(read(&module).ends_with("#[cfg(test)]\nmod tests;\n"), "{}", module.display());
            continue;
        }
        let findings = Findings::of(&read(&path)).0;
        assert_eq!(findings, BTreeSet::new(), "{}", path.display());
        count += 1;
    }
    assert!(count >= 13, "{count} files: are they all there?");
}

#[test]
fn the_check_finds_what_it_looks_for() {
    for (source, found) in [
        ("static A: u8 = 0;", "static"),
        ("pub static mut A: u8 = 0;", "static"),
        ("fn a() { static A: u8 = 0; }", "static"),
        ("impl A { fn a() { m! { static A: u8 = 0; } } }", "static"),
        ("async fn a() {}", "async"),
        ("impl A { pub async fn a() {} }", "async"),
        ("fn a() { b(async move {}) }", "async"),
        ("fn a() { unsafe { b() } }", "unsafe"),
        ("unsafe fn a() {}", "unsafe"),
        ("unsafe impl Send for A {}", "unsafe"),
        ("macro_rules! a { () => { unsafe { b() } } }", "unsafe"),
        ("thread_local! {}", "thread_local!"),
        ("fn a() { std::thread_local!() }", "thread_local!"),
        ("use std::fs;", "std::fs"),
        ("use std::fs::{self, File};", "std::fs"),
        ("use std::{fmt, fs::File};", "std::fs"),
        ("use std::{fmt, {fs as files}};", "std::fs"),
        ("use ::std::fs::*;", "std::fs"),
        ("fn a() -> u8 { return ::std::fs::b }", "std::fs"),
        ("use std::{self as a, fmt::Write as _};", "hidden"),
        ("fn a() { std::fs::read(b) }", "std::fs"),
        ("fn a() { use std::{fs, fmt}; }", "std::fs"),
        ("fn a() { b!(1, ::std::fs::read(c)) }", "std::fs"),
        ("fn a() -> std::net::IpAddr {}", "std::net"),
        ("fn a(b: core::net::IpAddr) {}", "std::net"),
        ("fn a() { std::env::var(b) }", "std::env"),
        ("use std::thread;", "std::thread"),
        ("fn a() { std::thread::spawn(b) }", "std::thread"),
        ("fn a() { std::process::abort() }", "std::process"),
        ("use std::process::Command;", "std::process"),
        ("fn a() { std::time::SystemTime::now() }", "::now"),
        ("use std::time::SystemTime; fn a() { SystemTime::now() }", "::now"),
        ("fn a() { b.map_or_else(SystemTime::now, c) }", "::now"),
        ("fn a() { <SystemTime>::now() }", "::now"),
        ("fn a() { macro_of!(SystemTime::now()) }", "::now"),
        ("type A = std::time::SystemTime; fn a() { A::now() }", "::now"),
        ("use std::time::SystemTime as A;", "hidden"),
        ("use std::time::{Duration, SystemTime as A};", "hidden"),
        ("use std::time::*;", "hidden"),
        ("use std as a;", "hidden"),
        ("use std::{self as a};", "hidden"),
        ("use std::*;", "hidden"),
        ("use std::time::Instant;", "Instant"),
        ("fn a(b: time::Instant) {}", "Instant"),
        ("use std::time::{Duration, Instant as A};", "Instant"),
        ("use std::hash::RandomState;", "RandomState"),
        ("fn a(b: &RandomState) {}", "RandomState"),
        ("struct A(std::sync::Mutex<u8>);", "Mutex"),
        ("struct A(parking_lot::RwLock<u8>);", "RwLock"),
        ("struct A { a: Box<RwLock<u8>> }", "RwLock"),
        ("const A: OnceLock<u8> = OnceLock::new();", "OnceLock"),
        ("const A: LazyLock<u8> = LazyLock::new(a);", "LazyLock"),
        ("use std::sync::atomic::AtomicU64;", "AtomicU64"),
        ("struct A(AtomicBool);", "AtomicBool"),
        ("struct A(atomic::AtomicPtr<u8>);", "AtomicPtr"),
    ] {
        assert_eq!(Findings::of(source).0, BTreeSet::from([found.into()]), "{source}");
    }
}

#[test]
fn the_check_finds_nothing_else() {
    for source in [
        "//! static async unsafe thread_local! std::fs SystemTime::now() Instant Mutex AtomicU8",
        "/// std::env::var, unsafe\nfn a() { b(\"static async std::fs::read\") }",
        "use std::time::{Duration, SystemTime};",
        "impl From<SystemTime> for A { fn from(time: std::time::SystemTime) -> Self {} }",
        "fn a() { time.duration_since(SystemTime::UNIX_EPOCH) }",
        "fn a(now: A, b: &'static str) -> impl Sized + 'static { b.at(now).now }",
        "use crate::{fs, env}; fn a() { net::b(process::c, self::thread::d) }",
        "use std::{sync::Arc, collections::BTreeMap}; use serde_json::*;",
        "fn a() { std::mem::take(fs); x as u8 } struct Atomics; struct Static; #[unsafe_code] fn b() {}",
        "use std::fmt as text; use std::fmt::Write as _;",
    ] {
        assert_eq!(Findings::of(source).0, BTreeSet::new(), "{source}");
    }
}
