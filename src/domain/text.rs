//! Text from outside, made harmless before a person or a spreadsheet sees it.

/// `text` without control characters and bidirectional overrides, which could repaint a terminal or hide a number.
pub fn for_terminal(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect()
}

/// The same for text of several lines, whose breaks are kept.
pub fn for_terminal_lines(text: &str) -> String {
    text.lines().map(for_terminal).collect::<Vec<_>>().join("\n")
}

/// White space aside, characters that are not seen: zero-width ones, joiners, bidirectional marks, the byte order mark.
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206F}' | '\u{FEFF}')
}

/// `text` as a cell that no spreadsheet runs as a formula: a leading `=`, `+`, `-`, `@`, tab or return gets an apostrophe.
pub fn for_spreadsheet(text: &str) -> String {
    let clean = if text.chars().any(char::is_control) {
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    } else {
        text.to_owned()
    };
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠') => format!("'{clean}"),
        _ => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_defused_and_plain_text_is_not_touched() {
        assert_eq!(for_spreadsheet("=HYPERLINK(\"http://x\")"), "'=HYPERLINK(\"http://x\")");
        assert_eq!(for_spreadsheet("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(for_spreadsheet("\t=1"), "' =1");
        assert_eq!(for_spreadsheet("查无记录"), "查无记录");
    }

    #[test]
    fn a_terminal_sees_no_escape() {
        assert_eq!(for_terminal("a\u{1b}[31mb\u{202e}c\r\n"), "a[31mbc");
    }
}
