//! Reading and writing lines of JSON.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use serde::de::DeserializeOwned;

/// Reads one value a line; the error names the line.
///
/// # Errors
/// The input can't be read, or a line is no such value.
pub fn read_lines<T: DeserializeOwned>(input: impl Read) -> io::Result<Vec<T>> {
    let lines = BufReader::new(input).lines().zip(1..);
    let values = lines.map(|(line, number)| {
        serde_json::from_str(&line?)
            .map_err(|error| io::Error::other(format!("line {number}: {error}")))
    });
    values.collect()
}

/// As [`read_lines`], from a file, gzipped if its name ends in `.gz`.
///
/// # Errors
/// As [`read_lines`], with the file's name.
pub fn read_file<T: DeserializeOwned>(path: impl AsRef<Path>) -> io::Result<Vec<T>> {
    let path = path.as_ref();
    let read = || {
        let file = File::open(path)?;
        if path.extension().is_some_and(|extension| extension == "gz") {
            read_lines(GzDecoder::new(file))
        } else {
            read_lines(file)
        }
    };
    read().map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
}
