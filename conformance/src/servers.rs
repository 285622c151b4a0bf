//! Real servers for tests: those that run, by their URLs, and private ones that a test may break.
//!
//! Where a server is missing, the test says loudly that it is skipped; under `CI` that is a failure.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a server may take to start.
const START: Duration = Duration::from_secs(60);

/// The URL of a Redis server: `REDIS_URL`, or the one on the standard port. `None`: skip `test`.
///
/// # Panics
/// If there is none under `CI`.
pub fn redis(test: &str) -> Option<String> {
    shared(test, "REDIS_URL", 6379, "redis://127.0.0.1:6379/")
}

/// The URL of a PostgreSQL server: `POSTGRES_URL`, or the one on the standard port. `None`: skip `test`.
///
/// # Panics
/// If there is none under `CI`.
pub fn postgres(test: &str) -> Option<String> {
    shared(test, "POSTGRES_URL", 5432, "postgres://postgres@127.0.0.1:5432/postgres")
}

fn shared(test: &str, variable: &str, port: u16, standard: &str) -> Option<String> {
    if let Ok(url) = std::env::var(variable) {
        return Some(url);
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
        Ok(_) => Some(standard.into()),
        Err(error) => skip(test, &format!("no {variable}, and on port {port}: {error}")),
    }
}

/// Says that `test` is skipped, where its output can't be swallowed.
///
/// # Panics
/// Under `CI`.
pub fn skip<T>(test: &str, why: &str) -> Option<T> {
    assert!(std::env::var_os("CI").is_none(), "under CI {test} must run: {why}");
    // Not `eprintln!`, which the test harness swallows when a test passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
    None
}

/// A server of a test's own, on a port and with a folder of its own. It ends, and the folder with it,
/// when it is dropped.
#[derive(Debug)]
pub struct Private {
    child: Option<Child>,
    command: Vec<String>,
    folder: PathBuf,
    kind: Kind,
    port: u16,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Postgres,
    Redis,
}

impl Private {
    /// A Redis server, which keeps nothing on disk unless `arguments` say so
    /// (`["--appendonly", "yes", "--appendfsync", "always"]`). `None`: skip `test`.
    ///
    /// # Panics
    /// If `redis-server` is not installed under `CI`, or does not start.
    pub fn redis(test: &str, arguments: &[&str]) -> Option<Self> {
        let Some(program) = find("redis-server", &[]) else {
            return skip(test, "redis-server is not installed");
        };
        let (port, folder) = place("redis");
        let mut command = vec![program, "--bind".into(), "127.0.0.1".into(), "--port".into()];
        command.extend([port.to_string(), "--dir".into(), folder.display().to_string()]);
        command.extend(["--save", "", "--logfile", "redis.log"].map(String::from));
        command.extend(arguments.iter().map(|argument| String::from(*argument)));
        let mut server = Self { child: None, command, folder, kind: Kind::Redis, port };
        server.start();
        Some(server)
    }

    /// A PostgreSQL server with the database and the user `postgres`; `settings` such as
    /// `"timezone=America/New_York"`. With `file_limit`, no file of it grows beyond so many KiB: it is then
    /// as a full disk. `None`: skip `test`.
    ///
    /// # Panics
    /// If `initdb` and `postgres` are not installed under `CI`, or fail.
    pub fn postgres(test: &str, settings: &[&str], file_limit: Option<u32>) -> Option<Self> {
        let installed = installed_postgres();
        let programs = (find("initdb", &installed), find("postgres", &installed));
        let (Some(initdb), Some(program)) = programs else {
            return skip(test, "initdb and postgres are not installed");
        };
        let (port, folder) = place("postgres");
        if let Some((user, group)) = unprivileged() {
            chown(&folder, Some(user), Some(group)).expect("root may change the owner");
        }
        let data = folder.join("data").display().to_string();
        let mut initdb = Command::new(initdb);
        initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        let made = as_user(initdb.args(["--wal-segsize=1", "-D", &data])).output();
        let made = made.expect("initdb can be run");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let limit = file_limit.map_or_else(String::new, |limit| format!("ulimit -f {limit}; "));
        let script = format!("{limit}exec \"$@\" >>\"$0/log\" 2>&1");
        let mut command = vec!["bash".into(), "-c".into(), script, folder.display().to_string()];
        command.extend([program, "-D".into(), data, "-p".into(), port.to_string()]);
        let ours = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"];
        for setting in ours.iter().chain(settings) {
            command.extend(["-c".into(), String::from(*setting)]);
        }
        let mut server = Self { child: None, command, folder, kind: Kind::Postgres, port };
        server.start();
        Some(server)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        match self.kind {
            Kind::Postgres => format!("postgres://postgres@127.0.0.1:{}/postgres", self.port),
            Kind::Redis => format!("redis://127.0.0.1:{}/", self.port),
        }
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its folder; `log` or `redis.log` in it is what it says.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts it, if it does not run, and waits until it answers.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(&mut self) {
        let started = Instant::now();
        while !self.answers() {
            assert!(started.elapsed() < START, "{:?} does not start: {}", self.kind, self.log());
            let ended = self.child.as_mut().is_none_or(|child| {
                // It may have found what its predecessor left behind.
                child.try_wait().is_ok_and(|status| status.is_some())
            });
            if ended {
                let (program, arguments) = self.command.split_first().expect("there is a program");
                let mut command = Command::new(program);
                command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
                if self.kind == Kind::Postgres {
                    as_user(&mut command);
                }
                self.child = Some(command.spawn().expect("the server can be started"));
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// `kill -9`, all of it.
    pub fn kill(&mut self) {
        self.signal("KILL");
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
    }

    /// Stops it without ending it (`SIGSTOP`): connections stay, and nothing is answered.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it go on after a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// Sends a signal to the server and, first, to the processes that it has started: all of them, for it is
    /// stopped meanwhile. One that it had started after that list would outlive it, and PostgreSQL does not
    /// start beside it.
    fn signal(&self, signal: &str) {
        let Some(child) = &self.child else { return };
        let id = child.id().to_string();
        if signal != "CONT" {
            let stopped = Command::new("kill").args(["-STOP", &id]).stderr(Stdio::null()).status();
            let _ = stopped.expect("kill can be run");
        }
        let children = Command::new("pgrep").args(["-P", &id]).output().expect("pgrep can be run");
        let mut command = Command::new("kill");
        command.arg(format!("-{signal}"));
        command.args(String::from_utf8_lossy(&children.stdout).split_whitespace());
        // One that has ended meanwhile is no error.
        let _ = command.arg(id).stderr(Stdio::null()).status().expect("kill can be run");
    }

    fn answers(&self) -> bool {
        match self.kind {
            Kind::Postgres => {
                let ready = find("pg_isready", &installed_postgres()).expect("it is by postgres");
                let arguments = ["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()];
                Command::new(ready).args(arguments).status().is_ok_and(|status| status.success())
            }
            Kind::Redis => {
                let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) else {
                    return false;
                };
                let mut answer = [0; 7];
                let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
                let asked = stream.write_all(b"PING\r\n");
                asked.and_then(|()| stream.read_exact(&mut answer)).is_ok()
                    && answer == *b"+PONG\r\n"
            }
        }
    }

    fn log(&self) -> String {
        let log = match self.kind {
            Kind::Postgres => "log",
            Kind::Redis => "redis.log",
        };
        fs::read_to_string(self.folder.join(log)).unwrap_or_default()
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A free port, and an empty folder.
fn place(name: &str) -> (u16, PathBuf) {
    // One that was given away and is not taken yet looks free as well.
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let port = loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there are free ports");
        let port = listener.local_addr().expect("it is bound").port();
        if GIVEN.lock().expect("nothing panics with it").insert(port) {
            break port;
        }
    };
    let name = format!("http-session-{name}-{}-{port}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder).expect("folders can be made in the temporary folder");
    (port, folder)
}

/// A program's path: on `PATH`, or in one of the folders.
fn find(program: &str, folders: &[PathBuf]) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(folders.iter().cloned());
    let found = folders.find(|folder| folder.join(program).is_file());
    found.map(|folder| folder.join(program).display().to_string())
}

/// Where Debian keeps PostgreSQL's programs.
fn installed_postgres() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.map(|version| version.path().join("bin")).collect()
}

/// PostgreSQL does not run as root: then it is to be the user `postgres`.
fn unprivileged() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse::<u32>().ok()
    };
    if id(&["-u"])? != 0 {
        return None;
    }
    Some((id(&["-u", "postgres"])?, id(&["-g", "postgres"])?))
}

fn as_user(command: &mut Command) -> &mut Command {
    if let Some((user, group)) = unprivileged() {
        command.uid(user).gid(group);
    }
    // Of a folder that this user can be in.
    command.current_dir("/")
}
