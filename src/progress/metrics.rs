//! The end of a run as a Prometheus textfile, for node_exporter's textfile collector.

use std::fmt::Write;

use super::summary::RunSummary;

const LAST_SUCCESS: &str = "payonce_last_success_timestamp_seconds";

/// The metrics of a run that ended at `now` (seconds since 1970). `before` is what the file held, whose last success is kept
/// where this run was none.
pub fn metrics(summary: &RunSummary, now: i64, before: &str) -> String {
    let mut out = String::new();
    let mut family = |name: &str, help: &str, kind: &str, samples: &[(String, String)]| {
        if samples.is_empty() {
            return;
        }
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(out, "{name}{labels} {value}");
        }
    };
    let lanes = || summary.lanes.iter();
    let rows: Vec<_> = lanes()
        .flat_map(|(api, lane)| {
            lane.statuses
                .iter()
                .map(move |(status, rows)| (format!("{{api=\"{api}\",status=\"{status}\"}}"), rows.to_string()))
        })
        .collect();
    family("payonce_rows", "Rows of the newest run by status.", "gauge", &rows);
    let per_lane = |value: &dyn Fn(&super::LaneSummary) -> Option<String>| -> Vec<(String, String)> {
        lanes().filter_map(|(api, lane)| Some((format!("{{api=\"{api}\"}}"), value(lane)?))).collect()
    };
    family("payonce_run_calls", "Calls of the newest run.", "gauge", &per_lane(&|lane| Some(lane.calls.to_string())));
    family(
        "payonce_run_billed",
        "Billed calls of the newest run.",
        "gauge",
        &per_lane(&|lane| Some(lane.billed.to_string())),
    );
    family(
        "payonce_run_in_doubt",
        "Calls of the newest run that are in doubt.",
        "gauge",
        &per_lane(&|lane| Some(lane.in_doubt.to_string())),
    );
    family("payonce_run_spent_yuan", "Money spent by the newest run.", "gauge", &per_lane(&|lane| lane.spent.clone()));
    family(
        "payonce_run_at_stake_yuan",
        "Money in doubt of the newest run.",
        "gauge",
        &per_lane(&|lane| lane.at_stake.clone()),
    );
    let single = |value: String| vec![(String::new(), value)];
    family(
        "payonce_run_seconds",
        "How long the newest invocation took.",
        "gauge",
        &single(format!("{:.3}", summary.seconds)),
    );
    family("payonce_exit_code", "Exit code of the newest invocation.", "gauge", &single(summary.exit_code.to_string()));
    family(
        "payonce_last_run_timestamp_seconds",
        "When the newest invocation ended.",
        "gauge",
        &single(now.to_string()),
    );
    let success = if summary.exit_code == 0 { Some(now.to_string()) } else { last_success(before) };
    let success: Vec<_> = success.into_iter().map(|time| (String::new(), time)).collect();
    family(LAST_SUCCESS, "When an invocation last ended with exit code 0.", "gauge", &success);
    out
}

fn last_success(before: &str) -> Option<String> {
    let value = before.lines().find_map(|line| line.strip_prefix(LAST_SUCCESS)?.strip_prefix(' '))?;
    value.parse::<f64>().ok().map(|_| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::LaneSummary;

    fn summary(exit_code: u8) -> RunSummary {
        let lane = LaneSummary {
            stopped_by: None,
            statuses: [("ok", 3), ("failed", 0)].into_iter().collect(),
            calls: 3,
            billed: 3,
            unbilled: 0,
            unbilled_assumed: 0,
            in_doubt: 0,
            reused: 0,
            spent: Some("0.15".to_owned()),
            at_stake: None,
            worst_window: 3,
            rate_configured: 10.0,
            rate_achieved: 9.9,
            held: None,
            advice: None,
        };
        RunSummary {
            run: 1,
            exit_code,
            input: "a.csv".to_owned(),
            output: None,
            rows: 3,
            distinct: 3,
            seconds: 1.5,
            lanes: [("cucc-tenure".to_owned(), lane)].into_iter().collect(),
            ledger: String::new(),
            finished: true,
        }
    }

    #[test]
    fn the_last_success_outlives_a_failure() {
        let good = metrics(&summary(0), 1000, "");
        assert!(good.contains("payonce_rows{api=\"cucc-tenure\",status=\"ok\"} 3\n"), "{good}");
        assert!(
            good.contains("payonce_run_spent_yuan{api=\"cucc-tenure\"} 0.15\n") && !good.contains("at_stake"),
            "{good}"
        );
        assert!(good.contains("\npayonce_last_success_timestamp_seconds 1000\n"), "{good}");
        let bad = metrics(&summary(75), 2000, &good);
        assert!(bad.contains("payonce_exit_code 75\n"), "{bad}");
        assert!(bad.contains("\npayonce_last_success_timestamp_seconds 1000\n"), "{bad}");
        assert!(!metrics(&summary(75), 2000, "garbage").contains("last_success"));
    }
}
