//! What a scenario came to, and whether that is what its file expects.

use std::collections::HashMap;
use std::time::Duration;

use super::memory::Books;
use super::script::{Range, Scenario, Window};
use super::vendor::{Attempt, Bill};
use crate::domain::call::Outcome;
use crate::domain::run::LaneEnd;
use crate::domain::subject::Subject;

const SECOND: Duration = Duration::from_secs(1);

/// What is left after a lane has ended.
pub(super) struct Aftermath<'a> {
    pub(super) end: LaneEnd,
    pub(super) took: Duration,
    /// How often the lane was woken.
    pub(super) polls: u64,
    /// What the pace says of itself.
    pub(super) worst_window: u64,
    pub(super) bill: &'a Bill,
    pub(super) books: &'a Books,
    pub(super) subjects: &'a HashMap<String, Subject>,
}

/// One figure that is not as expected.
pub(super) type Complaint = String;

fn worst_second(attempts: &[Attempt]) -> usize {
    let mut first = 0;
    let mut worst = 0;
    for (i, attempt) in attempts.iter().enumerate() {
        while attempts[first].began + SECOND <= attempt.began {
            first += 1;
        }
        worst = worst.max(i - first + 1);
    }
    worst
}

/// Most calls out at a time, looked at whenever one begins between the two moments.
fn at_once(attempts: &[Attempt], from: Duration, until: Duration) -> usize {
    let ended = |attempt: &Attempt| attempt.ended.unwrap_or(Duration::MAX);
    let mut ends: Vec<Duration> = attempts.iter().map(ended).collect();
    ends.sort_unstable();
    let inside = |attempt: &Attempt| from <= attempt.began && attempt.began < until;
    let out = |(i, attempt): (usize, &Attempt)| i + 1 - ends.partition_point(|end| *end <= attempt.began);
    attempts.iter().enumerate().filter(|(_, attempt)| inside(attempt)).map(out).max().unwrap_or_default()
}

impl Aftermath<'_> {
    fn attempts_by_number(&self) -> HashMap<&str, Vec<Duration>> {
        let mut by_number: HashMap<&str, Vec<Duration>> = HashMap::new();
        for attempt in &self.bill.attempts {
            by_number.entry(&attempt.value).or_default().push(attempt.began);
        }
        by_number
    }

    fn word(&self) -> &'static str {
        self.end.word().unwrap_or("finished")
    }

    /// The figures for people, and for whoever writes the next file.
    pub(super) fn line(&self) -> String {
        let reached = self.bill.attempts.iter().filter(|attempt| !attempt.refused).count();
        format!(
            "{:.1} s, {} calls at the vendor, {} refused, {} charged, worst second {}, {}, {:?}, {} withdrawn, {} openings, {} polls",
            self.took.as_secs_f64(),
            reached,
            self.bill.attempts.len() - reached,
            self.bill.charged.values().sum::<u32>(),
            worst_second(&self.bill.attempts),
            self.word(),
            self.books.outcomes,
            self.books.withdrawn,
            self.books.openings,
            self.polls,
        )
    }

    pub(super) fn check(&self, scenario: &Scenario) -> Vec<Complaint> {
        let mut complaints = self.always(scenario);
        if self.word() != scenario.expect.end {
            complaints.push(format!("end: {} expected, it was {} ({:?})", scenario.expect.end, self.word(), self.end));
        }
        for (name, range, figure) in self.figures(scenario) {
            complaints.extend(compare(name, range, figure));
        }
        for window in &scenario.expect.window {
            let name = format!("window {:?} to {:?}", window.from.0, window.until.0);
            complaints.extend(self.window(window).into_iter().map(|complaint| format!("{name}: {complaint}")));
        }
        complaints
    }

    fn figures(&self, scenario: &Scenario) -> Vec<(&'static str, Option<Range>, f64)> {
        let expect = &scenario.expect;
        let attempts = &self.bill.attempts;
        let refused = attempts.iter().filter(|attempt| attempt.refused).count();
        let by_number = self.attempts_by_number();
        let most_asked = by_number.values().map(Vec::len).max().unwrap_or_default();
        let gaps = by_number.values().flat_map(|times| times.windows(2).map(|pair| pair[1] - pair[0]));
        let nearest = gaps.min().unwrap_or(Duration::MAX);
        let count = |name: &str| self.books.outcomes.get(name).copied().unwrap_or_default() as f64;
        vec![
            ("calls", expect.calls, (attempts.len() - refused) as f64),
            ("refused", expect.refused, refused as f64),
            ("worst_second", expect.worst_second, worst_second(attempts) as f64),
            ("at_once", expect.at_once, at_once(attempts, Duration::ZERO, Duration::MAX) as f64),
            ("seconds", expect.seconds, self.took.as_secs_f64()),
            ("charged", expect.charged, f64::from(self.bill.charged.values().sum::<u32>())),
            ("ok", expect.ok, count("ok")),
            ("no_record", expect.no_record, count("no_record")),
            ("rejected", expect.rejected, count("rejected")),
            ("failed", expect.failed, count("failed")),
            ("in_doubt", expect.in_doubt, count("in_doubt")),
            ("open", expect.open, self.books.totals.open as f64),
            ("withdrawn", expect.withdrawn, self.books.withdrawn as f64),
            ("most_asked", expect.most_asked, most_asked as f64),
            ("nearest", expect.nearest, nearest.as_secs_f64()),
        ]
    }

    fn window(&self, window: &Window) -> Vec<Complaint> {
        let (from, until) = (window.from.0, window.until.0);
        let inside: Vec<&Attempt> =
            self.bill.attempts.iter().filter(|attempt| from <= attempt.began && attempt.began < until).collect();
        let mut complaints: Vec<Complaint> = [
            ("attempts", window.attempts, inside.len() as f64),
            ("rate", window.rate, inside.len() as f64 / (until - from).as_secs_f64()),
            ("at_once", window.at_once, at_once(&self.bill.attempts, from, until) as f64),
        ]
        .into_iter()
        .filter_map(|(name, range, figure)| compare(name, range, figure))
        .collect();
        if let Some(times) = &window.times {
            let found: Vec<f64> = inside.iter().map(|attempt| attempt.began.as_secs_f64()).collect();
            let near = found.len() == times.len() && found.iter().zip(times).all(|(a, b)| (a - b).abs() <= 0.5);
            if !near {
                complaints.push(format!("times: {times:?} expected, they were {found:.1?}"));
            }
        }
        complaints
    }

    /// What holds in every scenario.
    fn always(&self, scenario: &Scenario) -> Vec<Complaint> {
        let mut complaints = self.books.violations.clone();
        if let Some((number, times)) = self.bill.charged.iter().find(|(_, times)| **times > 1) {
            complaints.push(format!("charged_twice: {number} was charged {times} times"));
        }
        for number in self.bill.charged.keys() {
            let subject = self.subjects[number];
            let standing = self.books.standing.get(&subject);
            if !matches!(standing, Some(Outcome::Paid | Outcome::Doubt)) && !self.books.is_open(subject) {
                complaints.push(format!("bill: {number} was charged, but the ledger says {standing:?}"));
            }
        }
        let worst = worst_second(&self.bill.attempts);
        // A rate of less than one a second still lets one call start in some second.
        let most = scenario.lane.rate.hertz().ceil() as usize + 1;
        if worst > most {
            complaints.push(format!("worst_second: at most {most} expected, it was {worst}"));
        }
        if self.worst_window != worst as u64 {
            complaints.push(format!("worst_window: the pace says {}, the vendor saw {worst}", self.worst_window));
        }
        if self.books.most_open > scenario.lane.concurrency {
            complaints.push(format!("{} calls were open at a time", self.books.most_open));
        }
        if let Some(failed) = self.books.failed_at {
            let later = self.bill.attempts.iter().filter(|attempt| attempt.began > failed).count();
            complaints.extend((later > 0).then(|| format!("{later} calls were sent after the ledger had failed")));
        }
        // A lane that wakes up without anything to do burns the machine that it runs on.
        let busy = 200 + 12 * (self.books.openings + self.bill.attempts.len() as u64);
        if self.polls > busy {
            complaints.push(format!("polls: at most {busy} expected, it was woken {} times", self.polls));
        }
        complaints
    }
}

fn compare(name: &str, range: Option<Range>, figure: f64) -> Option<Complaint> {
    range.filter(|range| !range.holds(figure)).map(|range| format!("{name}: {range} expected, it was {figure}"))
}
