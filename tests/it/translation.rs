//! README.zh-CN.md keeps up with README.md: the same sections, commands, configs and flags, and links that lead somewhere.

use std::collections::BTreeSet;
use std::path::Path;

const ENGLISH: &str = include_str!("../../README.md");
const CHINESE: &str = include_str!("../../README.zh-CN.md");

/// Blocks whose info begins so are the same in every language.
const COPIED: [&str; 4] = ["sh", "toml", "ini", "text payonce-run-help"];

/// A page taken apart.
struct Page {
    /// The level and the words of each.
    headings: Vec<(usize, String)>,
    /// What stands behind the opening fence, and the lines as they are, with their indentation.
    blocks: Vec<(String, String)>,
    /// The lines outside of blocks.
    prose: String,
}

impl Page {
    fn of(text: &str) -> Self {
        let mut page = Page { headings: Vec::new(), blocks: Vec::new(), prose: String::new() };
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(info) = line.trim_start().strip_prefix("```") {
                let inside: Vec<&str> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
                page.blocks.push((info.to_owned(), inside.join("\n")));
                continue;
            }
            let words = line.trim_start_matches('#');
            let level = line.len() - words.len();
            if level > 0 && words.starts_with(' ') {
                page.headings.push((level, words.trim().to_owned()));
            }
            page.prose.push_str(line);
            page.prose.push('\n');
        }
        page
    }

    fn copied_blocks(&self) -> Vec<&(String, String)> {
        self.blocks.iter().filter(|(info, _)| COPIED.into_iter().any(|kind| info.starts_with(kind))).collect()
    }

    /// Where the links of the page lead.
    fn links(&self) -> Vec<&str> {
        self.prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
    }
}

/// What GitHub makes of a heading.
fn anchor(heading: &str) -> String {
    let small = heading.to_lowercase();
    let kept = small.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn commands_configs_and_flags_are_the_same_in_both_languages() {
    let (english, chinese) = (Page::of(ENGLISH), Page::of(CHINESE));
    let (english, chinese) = (english.copied_blocks(), chinese.copied_blocks());
    assert!(english.len() > 20, "only {} blocks were found", english.len());
    for (english, chinese) in english.iter().zip(&chinese) {
        assert_eq!(english, chinese, "README.md is on the left, README.zh-CN.md on the right");
    }
    assert_eq!(english.len(), chinese.len(), "one page has more blocks than the other");
}

#[test]
fn the_sections_are_the_same_in_both_languages() {
    let (english, chinese) = (Page::of(ENGLISH).headings, Page::of(CHINESE).headings);
    for (english, chinese) in english.iter().zip(&chinese) {
        assert_eq!(english.0, chinese.0, "'{}' and '{}' are on different levels", english.1, chinese.1);
    }
    assert_eq!(english.len(), chinese.len(), "one page has more headings than the other");
}

#[test]
fn the_links_of_the_chinese_page_lead_somewhere() {
    let page = Page::of(CHINESE);
    let anchors: BTreeSet<String> = page.headings.iter().map(|(_, heading)| anchor(heading)).collect();
    assert_eq!(anchors.len(), page.headings.len(), "two headings have the same anchor");
    for link in page.links() {
        let there = match link.strip_prefix('#') {
            Some(name) => anchors.contains(name),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join(link).is_file(),
        };
        assert!(there, "{link} leads nowhere; the headings are {anchors:?}");
    }
}

#[test]
fn each_page_names_the_other() {
    assert!(Page::of(ENGLISH).links().contains(&"README.zh-CN.md"));
    assert!(Page::of(CHINESE).links().contains(&"README.md"));
}

#[test]
fn these_tests_can_fail() {
    let page = Page::of("# a\n\n   ```sh exit=3\n   # no heading\n   ```\n\n## run 的选项、b_c\n[x](#y) [z](w)\n");
    assert_eq!(page.headings, [(1, "a".to_owned()), (2, "run 的选项、b_c".to_owned())]);
    assert_eq!(page.copied_blocks(), [&("sh exit=3".to_owned(), "   # no heading".to_owned())]);
    assert_eq!(page.links(), ["#y", "w"]);
    assert_eq!(anchor(&page.headings[1].1), "run-的选项b_c");
}
