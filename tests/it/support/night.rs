//! One user's machine: a folder with files, a home, an environment, and payonce run in it.
//!
//! The environment of a command is empty but for the home, the zone and what the test sets, so nothing of whoever runs the tests
//! leaks in. `RUST_BACKTRACE=1` is set on purpose: no user may ever see a backtrace. What a command prints goes to files, so a
//! talkative one never waits for its reader. A command that outlives its patience is killed and fails the test.

use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::{Rc, Weak};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::ran::Ran;
use super::table::Table;
use super::vendor::{KEY, Vendor};

/// No command of a test takes nearly so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// Tests that measure have the machine to themselves; all others share it.
static MACHINE: RwLock<()> = RwLock::new(());

/// A test's hold on the machine, for as long as one of its nights lasts.
enum Hold {
    Shared { _guard: RwLockReadGuard<'static, ()> },
    Alone { _guard: RwLockWriteGuard<'static, ()> },
}

thread_local! {
    /// A test may have several nights, but takes hold once: who waits for the machine would block the second time.
    static HELD: RefCell<Weak<Hold>> = const { RefCell::new(Weak::new()) };
}

impl Hold {
    fn take(make: impl FnOnce() -> Hold) -> Rc<Hold> {
        HELD.with_borrow_mut(|held| {
            held.upgrade().unwrap_or_else(|| {
                let hold = Rc::new(make());
                *held = Rc::downgrade(&hold);
                hold
            })
        })
    }

    // A test that failed has not spoilt the machine.
    fn shared() -> Hold {
        Hold::Shared { _guard: MACHINE.read().unwrap_or_else(PoisonError::into_inner) }
    }

    fn alone() -> Hold {
        Hold::Alone { _guard: MACHINE.write().unwrap_or_else(PoisonError::into_inner) }
    }
}

pub struct Night {
    _hold: Rc<Hold>,
    root: TempDir,
    env: Vec<(String, OsString)>,
    under: Vec<OsString>,
    commands: Cell<u32>,
}

impl Night {
    pub fn new() -> Self {
        Self::with(Hold::take(Hold::shared))
    }

    /// One for measurements: no other test runs meanwhile. Its ledger is in `calls.db`.
    pub fn alone() -> Self {
        let hold = Hold::take(Hold::alone);
        assert!(matches!(*hold, Hold::Alone { .. }), "the test has a night already that it shares the machine with");
        Self::with(hold).env("PAYONCE_LEDGER", "calls.db")
    }

    fn with(hold: Rc<Hold>) -> Self {
        let root = tempfile::Builder::new().prefix("night-").tempdir().expect("a temporary folder");
        for folder in ["work", "home", "home/config", "home/state", "tmp", "printed"] {
            fs::create_dir(root.path().join(folder)).expect("a folder of the night");
        }
        Night { _hold: hold, root, env: Vec::new(), under: Vec::new(), commands: Cell::new(0) }
    }

    /// One that sends fast and keeps its ledger in `calls.db`, for tests that are about neither.
    pub fn fast() -> Self {
        Night::new().env("PAYONCE_RATE", "2000/s").env("PAYONCE_LEDGER", "calls.db")
    }

    /// Puts a file into the working folder.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(name, content);
        self
    }

    /// Sets a variable for every command from now on.
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Lets another program start payonce from now on, such as `strace -f`; none: payonce is started as it is.
    pub fn under<I: IntoIterator<Item: Into<OsString>>>(mut self, program: I) -> Self {
        self.under = program.into_iter().map(Into::into).collect();
        self
    }

    /// A path in the working folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("work").join(name)
    }

    /// A path in the home, where `home/config` and `home/state` are the XDG folders.
    pub fn home(&self, name: &str) -> PathBuf {
        self.root.path().join("home").join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}; there are: {:?}", self.names()))
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A CSV by its columns' names.
    pub fn table(&self, name: &str) -> Table {
        Table::parse(&self.text(name))
    }

    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&self.bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// The names in the working folder, in order.
    pub fn names(&self) -> Vec<String> {
        names(&self.path(""))
    }

    /// The permission bits of a file.
    pub fn mode(&self, name: &str) -> u32 {
        mode(&self.path(name))
    }

    /// Every file below the state folder, the ledgers' write-ahead logs and locks included.
    pub fn state_files(&self) -> Vec<PathBuf> {
        let folder = self.home("state/payonce");
        names(&folder).into_iter().map(|name| folder.join(name)).collect()
    }

    /// Runs payonce to its end, without a terminal and with nothing to read.
    pub fn run<I: IntoIterator<Item: Into<OsString>>>(&self, args: I) -> Ran {
        self.start(args, None, None).wait()
    }

    /// Runs payonce against `vendor`, with its key and its address.
    pub fn ask<I: IntoIterator<Item: Into<OsString>>>(&self, vendor: &Vendor, args: I) -> Ran {
        self.spawn(vendor, args).wait()
    }

    /// The same with `input` on standard input.
    pub fn pipe<I: IntoIterator<Item: Into<OsString>>>(
        &self,
        vendor: &Vendor,
        input: impl AsRef<[u8]>,
        args: I,
    ) -> Ran {
        self.start(args, Some(vendor.base_url()), Some(input.as_ref())).wait()
    }

    /// Starts the same and leaves it running.
    pub fn spawn<I: IntoIterator<Item: Into<OsString>>>(&self, vendor: &Vendor, args: I) -> Running {
        self.start(args, Some(vendor.base_url()), None)
    }

    /// Starts payonce against the address, where nobody has to listen.
    pub fn spawn_at<I: IntoIterator<Item: Into<OsString>>>(&self, base_url: String, args: I) -> Running {
        self.start(args, Some(base_url), None)
    }

    /// Starts payonce without a vendor.
    pub fn start_alone<I: IntoIterator<Item: Into<OsString>>>(&self, args: I) -> Running {
        self.start(args, None, None)
    }

    fn start<I: IntoIterator<Item: Into<OsString>>>(
        &self,
        args: I,
        base_url: Option<String>,
        input: Option<&[u8]>,
    ) -> Running {
        let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
        let mut words = self.under.iter().cloned().chain([env!("CARGO_BIN_EXE_payonce").into()]);
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words).args(&args).current_dir(self.path("")).env_clear();
        command.env("HOME", self.home("")).env("TMPDIR", self.root.path().join("tmp"));
        command.env("XDG_CONFIG_HOME", self.home("config")).env("XDG_STATE_HOME", self.home("state"));
        command.env("TZ", "Asia/Shanghai").env("RUST_BACKTRACE", "1");
        if let Some(base_url) = base_url {
            command.env("PAYONCE_BASE_URL", base_url).env("PAYONCE_KEY", KEY);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));

        self.commands.set(self.commands.get() + 1);
        let printed = |stream: &str| self.root.path().join("printed").join(format!("{}.{stream}", self.commands.get()));
        let (stdout, stderr) = (printed("stdout"), printed("stderr"));
        let file = |path: &Path| File::create(path).expect("a file for what is printed");
        command.stdout(file(&stdout)).stderr(file(&stderr));
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.spawn().expect("payonce starts");
        if let (Some(input), Some(mut pipe)) = (input, child.stdin.take()) {
            // A command that stops early reads no further, which is its right.
            let _ = pipe.write_all(input);
        }
        let words = args.iter().map(|arg| arg.to_string_lossy().into_owned());
        let command = std::iter::once("payonce".to_owned()).chain(words).collect::<Vec<_>>().join(" ");
        Running { child, command, folder: self.path(""), stdout, stderr, begun: Instant::now() }
    }
}

/// A payonce under way. Dropping it kills it.
pub struct Running {
    child: Child,
    command: String,
    folder: PathBuf,
    stdout: PathBuf,
    stderr: PathBuf,
    begun: Instant,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, as a power cut would; returns when the process is gone.
    pub fn kill(mut self) {
        if let Ok(Some(_)) = self.child.try_wait() {
            panic!("it was over before it could be killed:\n{}", self.printed(None));
        }
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("the process is gone");
    }

    /// The same where it may be over by now; what it printed then.
    pub fn kill_unless_over(mut self) -> Option<Ran> {
        if let Some(status) = self.child.try_wait().expect("the process is ours") {
            return Some(self.printed(Some(status)));
        }
        self.kill();
        None
    }

    /// Sends a signal by its name, such as `INT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.pid())]).status();
        assert!(sent.expect("sh is there").success(), "no {name} could be sent:\n{}", self.printed(None));
    }

    /// The same, to go on with.
    pub fn signalled(self, name: &str) -> Self {
        self.signal(name);
        self
    }

    /// Waits until standard output or standard error holds `text`.
    pub fn until_said(&mut self, text: &str) -> &mut Self {
        self.until(&format!("saying '{text}'"), |printed| {
            printed.stdout.contains(text) || printed.stderr.contains(text)
        })
    }

    fn until(&mut self, what: &str, mut happened: impl FnMut(&Ran) -> bool) -> &mut Self {
        loop {
            let ended = self.child.try_wait().expect("the process is ours");
            if happened(&self.printed(ended)) {
                return self;
            }
            assert!(ended.is_none(), "it ended without {what}:\n{}", self.printed(ended));
            self.check_patience();
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What standard output holds by now.
    pub fn stdout(&self) -> String {
        self.printed(None).stdout
    }

    /// Waits for the end.
    pub fn wait(mut self) -> Ran {
        loop {
            if let Some(status) = self.child.try_wait().expect("the process is ours") {
                return self.printed(Some(status));
            }
            self.check_patience();
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn check_patience(&mut self) {
        if self.begun.elapsed() > PATIENCE {
            let printed = self.printed(None);
            panic!("it runs for more than {PATIENCE:?}:\n{printed}");
        }
    }

    fn printed(&self, status: Option<ExitStatus>) -> Ran {
        let raw = |path: &Path| fs::read(path).unwrap_or_default();
        Ran::new(self.command.clone(), self.folder.clone(), status, raw(&self.stdout), raw(&self.stderr))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended cannot be killed any more, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The permission bits of a file.
pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    let metadata = fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    metadata.permissions().mode() & 0o7777
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("a folder's entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
