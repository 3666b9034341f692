//! `config.example.toml` tells the truth: it parses, it names every key, and the defaults it shows are the real ones.

use super::config::Config;
use super::resolve::{Overrides, resolve};
use crate::catalog::Catalogue;

const EXAMPLE: &str = include_str!("../../config.example.toml");

/// What stands in the explanation of a setting that has no default; its line is only an example.
const NO_DEFAULT: &str = "no default";

/// The example with its settings switched on: all of them, or only those that show a default.
fn switched_on(defaults_only: bool) -> String {
    let mut explanation = String::new();
    let mut config = String::new();
    for line in EXAMPLE.lines() {
        match line.strip_prefix('#') {
            Some(text) if text.starts_with(' ') => explanation.push_str(text),
            Some(setting) => {
                if setting.starts_with('[') || !defaults_only || !explanation.contains(NO_DEFAULT) {
                    config.push_str(setting);
                }
                explanation.clear();
            }
            None => {
                assert!(line.is_empty(), "neither explained nor switched off: {line}");
                explanation.clear();
            }
        }
        config.push('\n');
    }
    config
}

fn parsed(text: &str) -> Config {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The keys that a section takes, from the error about one that it doesn't.
fn keys_of(section: &str) -> Vec<String> {
    let error = toml::from_str::<Config>(&format!("{section}\nnonesuch = 1\n")).expect_err("an unknown key");
    let message = error.message();
    let known = message.strip_prefix("unknown field `nonesuch`, expected ").unwrap_or_else(|| panic!("{message}"));
    known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_example_parses_as_it_is_and_changes_nothing() {
    assert_eq!(format!("{:?}", parsed(EXAMPLE)), format!("{:?}", Config::default()));
}

#[test]
fn the_example_parses_with_every_setting_switched_on() {
    let config = parsed(&switched_on(false));
    let mut overrides = Overrides { apis: vec!["ctcc-call-duration".to_owned()], ..Overrides::default() };
    overrides.apis.push("cucc-tenure".to_owned());
    resolve(overrides, &config, &Catalogue::built_in()).expect("a config that works");
}

#[test]
fn the_defaults_that_the_example_shows_are_the_real_ones() {
    let catalogue = Catalogue::built_in();
    let job = |config: &str| {
        let apis = vec!["ctcc-call-duration".to_owned(), "cucc-tenure".to_owned()];
        let job = resolve(Overrides { apis, ..Overrides::default() }, &parsed(config), &catalogue);
        format!("{:#?}", job.expect("a config that works"))
    };
    let shown = switched_on(true);
    assert_eq!(job(&shown), job(""));
    // quota_reset counts only where the quota is waited for.
    let shown = shown.replace("quota = \"stop\"", "quota = \"wait\"");
    assert_eq!(job(&shown), job("[limits]\nquota = \"wait\""));

    let log = |config: &str| parsed(config).log.format.unwrap_or_default();
    assert_eq!(log(&shown), log(""));
}

/// Held as text, so that a default which moves without the example shows up even where both would move together.
#[test]
fn the_example_shows_the_defaults_that_people_rely_on() {
    for line in [
        "#rate = \"10/s\"",
        "#concurrency = 64",
        "#timeout = \"10s\"",
        "#attempts = 5",
        "#quota = \"stop\"",
        "#breaker = 20",
        "#allow_http = false",
        "#reuse = \"month\"",
        "#release_doubts = 0",
        "#mode = \"0600\"",
    ] {
        assert!(EXAMPLE.lines().any(|shown| shown == line), "{line}");
    }
}

#[test]
fn the_example_names_every_key() {
    let mut sections = vec![String::new()];
    for section in keys_of("") {
        match section.as_str() {
            "profiles" => {}
            "apis" => sections.push("[apis.ctcc-call-duration]".to_owned()),
            section => sections.push(format!("[{section}]")),
        }
    }
    for section in sections {
        let mut lines = EXAMPLE.lines();
        if !section.is_empty() {
            assert!(lines.any(|line| line == format!("#{section}")), "the example has no {section}");
        }
        let lines: Vec<_> = lines.take_while(|line| !line.starts_with("#[")).collect();
        let keys = if section.is_empty() { vec!["profiles".to_owned()] } else { keys_of(&section) };
        for key in keys {
            let named = |line: &&&str| line.starts_with(&format!("#{key} = ")) || line.starts_with(&format!("#{key}."));
            assert!(lines.iter().any(|line| named(&line)), "the example has no {key} under {section}");
        }
    }
}
