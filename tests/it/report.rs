//! The page about a run: true, for its owner alone, without numbers, and asking nobody.

use crate::support::{CTCC, CUCC, Night, digest, fixture};

/// A run of the fixture with cut connections; its page and its summary.
fn night() -> Night {
    let night = Night::fast().env("PAYONCE_PRICE", "0.05").file("customers.csv", fixture("customers.csv"));
    let args = ["run", "customers.csv", "--sandbox", "--chaos", "resets", "--api", CTCC, "--api", CUCC];
    night.run(args.into_iter().chain(["--report", "night.html", "--summary", "night.json"])).exit(3);
    night
}

/// `1234` as the page writes it.
fn grouped(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", number / 1000, number % 1000),
    }
}

/// The text of a page, its marks taken out.
fn text(page: &str) -> String {
    let body = page.split_once("</style>").expect("a page").1;
    let words = body.split('<').filter_map(|part| Some(part.split_once('>')?.1.trim()));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_page_agrees_with_the_summary() {
    let night = night();
    assert_eq!(night.mode("night.html"), 0o600);
    let summary = night.json("night.json");
    let shown = text(&night.text("night.html"));
    let lanes: Vec<_> = [CTCC, CUCC].map(|api| summary["lanes"][api].clone()).to_vec();
    for (api, lane) in [CTCC, CUCC].into_iter().zip(&lanes) {
        let number = |name: &str| grouped(lane[name].as_u64().expect(name));
        let money = |name: &str| lane[name].as_str().expect(name).to_owned();
        let row = [number("calls"), number("billed"), number("billed"), money("spent"), number("in_doubt")].join(" ");
        assert!(shown.contains(&format!("{row} {}", money("at_stake"))), "{api}: no '{row}' in\n{shown}");
        for (status, rows) in lane["statuses"].as_object().expect("statuses") {
            let rows = rows.as_u64().expect("rows");
            assert!(rows == 0 || shown.contains(&format!("{status} {}", grouped(rows))), "{api}: {status} {rows}");
        }
    }
    let sum = |name: &str| lanes.iter().map(|lane| lane[name].as_u64().expect(name)).sum::<u64>();
    assert!(sum("in_doubt") > 0, "{summary}");
    for tile in [
        format!("rows {} {} distinct numbers", summary["rows"], summary["distinct"]),
        format!("answered {} of {} calls", sum("billed"), sum("calls")),
        format!("in doubt {} calls", sum("in_doubt")),
        "(exit code 3)".to_owned(),
        "limit 120,000 per minute".to_owned(),
        "masked digits: the whole number is needed".to_owned(),
        "(1,5]".to_owned(),
        "payonce doubts release --run 1 --ledger calls.db".to_owned(),
    ] {
        assert!(shown.contains(&tile), "no '{tile}' in\n{shown}");
    }
}

#[test]
fn the_ledger_gives_the_same_page_later_and_the_input_the_rest() {
    let night = night();
    night.run(["report", "1", "--input", "customers.csv"]).exit(0).stderr_has("payonce-report-1.html");
    assert_eq!(night.mode("payonce-report-1.html"), 0o600);
    // The first two sections hold what only the run itself knew: the output, the worst second.
    let sections = |name: &str| -> Vec<String> {
        let page = night.text(name);
        page.split("<section>")
            .skip(3)
            .map(|part| part.split("</section>").next().expect("a part").to_owned())
            .collect()
    };
    assert_eq!(sections("payonce-report-1.html"), sections("night.html"));
    assert_eq!(sections("night.html").len(), 5);

    night.run(["report", "-o", "bare.html", "-q"]).exit(0).silent();
    let bare = text(&night.text("bare.html"));
    assert!(bare.contains("payonce report 1 --ledger calls.db --input CSV"), "{bare}");
    assert!(bare.contains("Rows by status are known") && !bare.contains("masked digits"), "{bare}");
    night.run(["report", "7"]).exit(2).stderr_has("no run 7");
    night.write("other.csv", "phone\n18612345678\n");
    night.run(["report", "1", "--input", "other.csv"]).exit(2).stderr_has("another input");
}

#[test]
fn no_number_no_digest_and_nothing_from_outside_is_on_the_page() {
    let night = night();
    night.run(["--lang", "zh", "report", "--input", "customers.csv", "-o", "zh.html"]).exit(0);
    let zh = night.text("zh.html");
    assert!(zh.contains("<html lang=\"zh-CN\">") && zh.contains("一夜概览"));
    let numbers: Vec<String> =
        night.table("customers.enriched.csv").column("手机号").into_iter().map(str::to_owned).collect();
    for page in [night.text("night.html"), zh] {
        for cell in numbers.iter().filter(|cell| cell.len() >= 10) {
            assert!(!page.contains(cell.as_str()), "{cell}");
            assert!(!page.to_lowercase().contains(&digest(cell)), "the digest of {cell}");
        }
        for word in ["http://", "https://", "src=", "href=", "url(", "@import", "<script", "<link", "<iframe", "<img"] {
            assert!(!page.contains(word), "{word}");
        }
    }
}

#[test]
fn a_folder_that_is_not_there_is_found_before_anything_is_paid() {
    let night = Night::fast().file("customers.csv", fixture("customers.csv"));
    let args = ["run", "customers.csv", "--sandbox", "--api", CUCC, "--report", "nowhere/night.html"];
    night.run(args).exit(2).stderr_has("--report nowhere/night.html");
    assert!(!night.exists("calls.db"));
}

#[test]
fn a_file_name_is_only_text() {
    let name = "<img src=x onerror=alert(1)> 18600000001.csv";
    let night = Night::fast().file(name, "phone\n18612345678\n18612345679\n");
    // A run that stopped names the file once more, in the command that goes on with it.
    night.run(["run", name, "--sandbox", "--api", CUCC, "--max-calls", "1", "--report", "page.html"]).exit(75);
    let page = night.text("page.html");
    assert!(page.contains("--continue 1"), "{page}");
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;") && !page.contains("<img"), "{page}");
    assert!(!page.contains("18600000001") && !page.contains("18612345678"), "{page}");
}
