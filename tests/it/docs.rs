//! The README tells the truth: its commands run, its help text and its exit codes are the program's, its TOML is understood.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const README: &str = include_str!("../../README.md");
const EXIT_RS: &str = include_str!("../../src/domain/exit.rs");
const BINARY: &str = env!("CARGO_BIN_EXE_payonce");

/// One fenced block: what stands behind its opening fence, and its text.
struct Block {
    line: usize,
    info: String,
    text: String,
}

/// The fenced blocks of a page; those inside list items lose their indentation.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some((indent, info)) = line.split_once("```").filter(|(indent, _)| indent.trim().is_empty()) else {
            continue;
        };
        let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
        let text: Vec<_> = inside.map(|line| line.strip_prefix(indent).unwrap_or(line)).collect();
        blocks.push(Block { line: at + 1, info: info.to_owned(), text: text.join("\n") });
    }
    blocks
}

fn block(info: &str) -> Block {
    blocks(README).into_iter().find(|block| block.info == info).unwrap_or_else(|| panic!("no block ```{info}"))
}

/// A folder with the fixtures, and a home of its own.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir_all(folder.path().join("home")).expect("a home");
    let fixtures = folder.path().join("fixtures");
    fs::create_dir_all(&fixtures).expect("a folder for the fixtures");
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")).expect("the fixtures") {
        let entry = entry.expect("a fixture");
        fs::copy(entry.path(), fixtures.join(entry.file_name())).expect("a copy of a fixture");
    }
    folder
}

/// A command that sees nothing of this machine's environment but the PATH, led by the folder of the binary.
fn command(program: &str, folder: &Path) -> Command {
    let mut path = OsString::from(Path::new(BINARY).parent().expect("the binary's folder"));
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let home = folder.join("home");
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear().stdin(Stdio::null());
    command.env("PATH", path).env("HOME", &home).env("XDG_CONFIG_HOME", home.join("config"));
    command.env("XDG_STATE_HOME", home.join("state"));
    command
}

fn payonce(folder: &Path, args: &[&str]) -> Output {
    command(BINARY, folder).args(args).output().expect("payonce starts")
}

fn told(output: &Output) -> String {
    format!(
        "{}\n--- stdout\n{}--- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

#[test]
fn the_quick_start_is_two_commands() {
    let shell: Vec<_> = blocks(README).into_iter().filter(|block| block.info.starts_with("sh")).collect();
    assert!(shell[0].text.starts_with("cargo run --release -- run fixtures/customers.csv --sandbox "));
    assert_eq!((shell[0].info.as_str(), shell[0].text.lines().count()), ("sh", 1));
    assert_eq!(shell[1].text, "cargo test");
}

#[test]
fn the_commands_run() {
    let folder = folder();
    let port = free_port().to_string();
    for Block { line, info, text } in blocks(README) {
        let expected = match info.as_str() {
            "sh" => 0,
            "sh no-run" => continue,
            info if info.starts_with("sh ") => {
                let code = info.strip_prefix("sh exit=").and_then(|code| code.parse().ok());
                code.unwrap_or_else(|| panic!("README.md:{line}: what is ```{info}?"))
            }
            _ => continue,
        };
        let script = text.replace("cargo run --release --", "payonce").replace("8377", &port);
        // A server that a failed script leaves behind would hold the test's pipes open.
        let script = format!("trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}\n");
        let output = command("sh", folder.path()).args(["-eu", "-c", &script]).output().expect("sh starts");
        assert_eq!(output.status.code(), Some(expected), "README.md:{line}:\n{text}\n{}", told(&output));
    }
    assert!(folder.path().join("fixtures/customers.enriched.csv").is_file());
    assert!(folder.path().join("payonce.toml").is_file());
}

#[test]
fn the_help_of_run_is_the_programs() {
    let folder = folder();
    let output = payonce(folder.path(), &["run", "--help"]);
    let help = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(
        block("text payonce-run-help").text.trim_end(),
        help.trim_end(),
        "paste the output of payonce run --help"
    );
}

/// Flags that scripts rely on; one that is missing or renamed breaks somebody's crontab.
#[test]
fn the_flags_that_scripts_rely_on_are_there() {
    let folder = folder();
    let output = payonce(folder.path(), &["run", "--help"]);
    let help = String::from_utf8(output.stdout).expect("UTF-8");
    let words: BTreeSet<&str> = help.split(|c: char| c.is_whitespace() || c == ',').collect();
    let flags = "--config --ledger --column --encoding --delimiter --skip-lines --only-segment --reuse --log-format --log-file \
                 --quiet --api --output -o --rate --concurrency --timeout --max-calls --budget --price --until --max-runtime \
                 --base-url --release-doubts --again --new-run --continue --wait --replace-columns --summary --sandbox --chaos";
    for flag in flags.split_whitespace() {
        assert!(words.contains(flag), "{flag} is not in\n{help}");
    }
}

#[test]
fn the_exit_codes_are_the_programs() {
    let table = README.split("\n## Exit codes\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let cells = table.expect("the section").lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let documented: Vec<u8> = cells.filter_map(|cell| cell.parse().ok()).collect();

    let code = EXIT_RS.split("fn code(self)").nth(1).and_then(|rest| rest.split("\n    }\n").next());
    let arms = code.expect("Exit::code").lines().filter_map(|line| line.trim().strip_prefix("Exit::"));
    let real: Vec<u8> =
        arms.map(|arm| arm.split(" => ").nth(1).expect(arm).trim_end_matches(',').parse().expect(arm)).collect();
    assert!(real.len() >= 7, "{real:?}");
    assert_eq!(documented, real);
}

#[test]
fn the_configs_are_understood() {
    let folder = folder();
    let file = folder.path().join("some.toml");
    for Block { line, text, .. } in blocks(README).into_iter().filter(|block| block.info == "toml") {
        fs::write(&file, &text).expect("a config");
        let output = payonce(folder.path(), &["apis", "--config", "some.toml"]);
        assert!(output.status.success(), "README.md:{line}:\n{text}\n{}", told(&output));
    }
}

#[test]
fn the_profile_is_understood() {
    let folder = folder();
    let text = block("toml profile").text;
    // What is switched off in it must work as well.
    for text in [text.clone(), text.replace("\n# ", "\n")] {
        fs::write(folder.path().join("acme-status.toml"), text).expect("a profile");
        fs::write(folder.path().join("payonce.toml"), "profiles = [\"acme-status.toml\"]\n").expect("a config");
        let output = payonce(folder.path(), &["apis", "acme-status"]);
        assert!(output.status.success(), "{}", told(&output));
    }
}

/// The headings that the README's own links lead to are there.
#[test]
fn the_links_within_the_page_lead_somewhere() {
    let slug = |heading: &str| -> String {
        let kept = heading.to_lowercase();
        kept.chars()
            .filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-')
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    };
    let headings: BTreeSet<String> = README
        .lines()
        .filter(|line| line.starts_with("##"))
        .map(|line| slug(line.trim_start_matches('#').trim()))
        .collect();
    for link in README.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(headings.contains(link), "#{link} is none of {headings:?}");
    }
    for file in README.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let there = file.starts_with('#') || Path::new(env!("CARGO_MANIFEST_DIR")).join(file).is_file();
        assert!(there, "there is no {file}");
    }
}
