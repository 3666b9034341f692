//! Calls per minute over time, against the configured limit.

use maud::{Markup, html};
use rust_i18n::t;

use super::axis::{Axis, Column, scale};
use super::words::{clock, date, rounded};
use super::{LaneReport, Report};
use crate::domain::ids::ApiId;
use crate::domain::review::{Invocation, Tick};
use crate::progress::words::count;

/// The height of a chart in its own units; the page stretches it.
const HEIGHT: f64 = 100.0;

pub(super) fn section(report: &Report) -> Markup {
    let ticks = report.lanes.iter().flat_map(|lane| &lane.review.ticks).map(|tick| tick.at);
    let axis = Axis::over(&report.invocations).with_room_for(ticks);
    let columns = axis.columns();
    html! {
        section {
            h2 { (t!("report.timeline")) }
            p.note {
                (t!("report.timeline_note", step = step_words(axis.ruler().step)))
                @if columns.contains(&Column::Cut) { " " (t!("report.timeline_cut")) }
                @if axis.ruler().step < 60_000 { " " (t!("report.timeline_fine")) }
            }
            (legend())
            @for (i, lane) in report.lanes.iter().enumerate() {
                (chart(report, lane, &axis, &columns, i))
            }
        }
    }
}

fn step_words(step: i64) -> String {
    let seconds = step / 1000;
    match seconds {
        0..60 => t!("report.step_seconds", n = seconds),
        60..3600 => t!("report.step_minutes", n = seconds / 60),
        _ => t!("report.step_hours", n = seconds / 3600),
    }
    .into_owned()
}

fn legend() -> Markup {
    html! {
        ul.legend {
            li { span.key.billed {} (t!("report.billed")) }
            li { span.key.unbilled {} (t!("report.unbilled")) }
            li { span.key.doubt {} (t!("report.in_doubt_or_open")) }
            li { span.key.limit {} (t!("report.limit")) }
        }
    }
}

/// The limit of an API while a division of time begins, in calls per minute.
fn limit_at(invocations: &[Invocation], api: &ApiId, axis: &Axis, at: i64) -> Option<f64> {
    let end = axis.start(at + 1);
    let current = invocations.iter().rev().find(|invocation| invocation.began < end)?;
    current.rates.iter().find(|(name, _)| name == api).map(|(_, rate)| rate.hertz() * 60.0)
}

fn chart(report: &Report, lane: &LaneReport, axis: &Axis, columns: &[Column], place: usize) -> Markup {
    let limits: Vec<Option<f64>> = columns
        .iter()
        .map(|column| match column {
            Column::Time(at) => limit_at(&report.invocations, &lane.api, axis, *at),
            Column::Cut => None,
        })
        .collect();
    let ticks: Vec<Option<&Tick>> = columns.iter().map(|column| tick_of(lane, *column)).collect();
    let peak = ticks.iter().flatten().map(|tick| axis.per_minute(tick.calls)).fold(0.0, f64::max);
    let limit = limits.iter().flatten().copied().fold(0.0, f64::max);
    let (top, line) = scale(peak.max(limit));
    let id = format!("timeline-{place}");
    html! {
        h3 { (lane.api) }
        @if lane.review.ticks.is_empty() {
            p { (t!("report.no_calls")) }
        } @else {
            p.sum { (summary(lane, limits.iter().flatten().copied(), peak)) }
            div.plot {
                div.y aria-hidden="true" {
                    @for value in lines(top, line) {
                        span style=(format!("bottom:{:.2}%", value / top * 100.0)) { (rounded(value)) }
                    }
                }
                svg.time role="img" aria-labelledby=(format!("{id}-t {id}-d")) viewBox=(format!("0 0 {} {HEIGHT}", columns.len())) preserveAspectRatio="none" {
                    title id=(format!("{id}-t")) { (t!("report.timeline_title", api = lane.api)) }
                    desc id=(format!("{id}-d")) { (summary(lane, limits.iter().flatten().copied(), peak)) }
                    @for value in lines(top, line) {
                        line.grid x1="0" x2=(columns.len()) y1=(y(value, top)) y2=(y(value, top)) {}
                    }
                    @for (x, tick) in ticks.iter().enumerate() {
                        @if let Some(tick) = tick { (bar(x, tick, axis, top)) }
                    }
                    @for (x, column) in columns.iter().enumerate() {
                        @if *column == Column::Cut { line.cut x1=(x as f64 + 0.5) x2=(x as f64 + 0.5) y1="0" y2=(HEIGHT) {} }
                    }
                    path.limit d=(limit_path(&limits, top)) {}
                }
                @if lane.review.ticks.iter().any(|tick| tick.in_doubt > 0) { (doubts(&ticks)) }
                (times(axis, columns))
            }
            (table(lane, axis))
        }
    }
}

fn tick_of(lane: &LaneReport, column: Column) -> Option<&Tick> {
    let Column::Time(at) = column else { return None };
    let ticks = &lane.review.ticks;
    ticks.binary_search_by_key(&at, |tick| tick.at).ok().map(|place| &ticks[place])
}

fn summary(lane: &LaneReport, limits: impl Iterator<Item = f64>, peak: f64) -> String {
    let mut limits: Vec<f64> = limits.collect();
    limits.sort_by(f64::total_cmp);
    limits.dedup();
    let limit = match limits[..] {
        [] => t!("report.limit_unknown").into_owned(),
        [one] => t!("report.limit_is", n = rounded(one)).into_owned(),
        [first, .., last] => t!("report.limit_from", low = rounded(first), high = rounded(last)).into_owned(),
    };
    let calls: u64 = lane.review.ticks.iter().map(|tick| tick.calls).sum();
    let mut words = t!("report.timeline_sum", calls = count(calls), peak = rounded(peak), limit = limit).into_owned();
    if let Some(worst) = lane.worst_window {
        words.push(' ');
        words.push_str(&t!("report.worst_window", n = count(worst)));
    }
    words
}

/// The values at which a scale has its lines.
fn lines(top: f64, line: f64) -> impl Iterator<Item = f64> {
    let most = (top / line).round() as u32;
    (0..=most).map(move |n| f64::from(n) * line)
}

/// Where a value is drawn.
fn y(value: f64, top: f64) -> String {
    format!("{:.2}", HEIGHT - value / top * HEIGHT)
}

/// One column: billed calls at its foot, unbilled ones over them, those in doubt on top.
fn bar(x: usize, tick: &Tick, axis: &Axis, top: f64) -> Markup {
    let unclear = tick.calls.saturating_sub(tick.billed + tick.unbilled);
    let mut below = 0;
    let parts = [("billed", tick.billed), ("unbilled", tick.unbilled), ("doubt", unclear)].map(|(class, calls)| {
        below += calls;
        (class, calls, y(axis.per_minute(below), top), axis.per_minute(calls) / top * HEIGHT)
    });
    html! {
        @for (class, calls, y, height) in parts {
            @if calls > 0 { rect class=(class) x=(x) y=(y) width="1" height=(format!("{height:.2}")) {} }
        }
    }
}

/// The limit as a stepped line, broken where it is not known.
fn limit_path(limits: &[Option<f64>], top: f64) -> String {
    let mut path = String::new();
    let mut before = None;
    for (x, limit) in limits.iter().enumerate() {
        if let Some(limit) = limit {
            let y = y(*limit, top);
            path.push_str(&match before {
                Some(_) => format!("V{y}H{}", x + 1),
                None => format!("M{x} {y}H{}", x + 1),
            });
        }
        before = *limit;
    }
    path
}

/// A row of marks below the chart: few doubts would not be seen in the columns.
fn doubts(ticks: &[Option<&Tick>]) -> Markup {
    html! {
        span.doubts-name aria-hidden="true" { (t!("report.doubts_row")) }
        svg.doubts aria-hidden="true" viewBox=(format!("0 0 {} 1", ticks.len())) preserveAspectRatio="none" {
            @for (x, tick) in ticks.iter().enumerate() {
                @if tick.is_some_and(|tick| tick.in_doubt > 0) { rect.doubt x=(x) y="0" width="1" height="1" {} }
            }
        }
    }
}

/// Times below the chart: its beginning, its end, and what lies between.
fn times(axis: &Axis, columns: &[Column]) -> Markup {
    let seconds = axis.ruler().step < 60_000;
    let last = columns.len().saturating_sub(1);
    let mut labels = Vec::new();
    let mut day = String::new();
    for (quarter, class) in ["first", "minor", "middle", "minor", "last"].into_iter().enumerate() {
        if quarter > 0 && quarter < 4 && columns.len() < 12 {
            continue;
        }
        let near = columns.iter().enumerate().skip(last * quarter / 4).find_map(|(x, column)| match column {
            Column::Time(at) => Some((x, *at)),
            Column::Cut => None,
        });
        let Some((x, at)) = near else { continue };
        let at = if quarter == 4 { at + 1 } else { at };
        let stamp = axis.start(at);
        let this = date(stamp);
        let text = clock(stamp, seconds);
        let at = if quarter == 4 { 100.0 } else { x as f64 * 100.0 / columns.len() as f64 };
        let shown = (this != day).then(|| this.clone());
        day = this;
        labels.push((class, format!("left:{at:.2}%"), text, shown));
    }
    html! {
        div.x aria-hidden="true" {
            @for (class, style, text, day) in labels {
                span class=(class) style=(style) { (text) @if let Some(day) = day { br; small { (day) } } }
            }
        }
    }
}

fn table(lane: &LaneReport, axis: &Axis) -> Markup {
    html! {
        details {
            summary { (t!("report.as_table")) }
            div.scroll tabindex="0" role="region" aria-label=(t!("report.timeline_title", api = lane.api)) {
                table {
                    thead { tr {
                        th scope="col" { (t!("report.time")) }
                        @for name in ["report.calls", "report.billed", "report.unbilled", "report.in_doubt"] {
                            th.n scope="col" { (t!(name)) }
                        }
                        th.n scope="col" { (t!("report.per_minute")) }
                    } }
                    tbody {
                        @for tick in &lane.review.ticks {
                            tr {
                                th scope="row" { (axis.start(tick.at).for_people()) }
                                @for number in [tick.calls, tick.billed, tick.unbilled, tick.in_doubt] {
                                    td.n { (count(number)) }
                                }
                                td.n { (rounded(axis.per_minute(tick.calls))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_steps_and_breaks() {
        let path = limit_path(&[Some(50.0), Some(50.0), Some(100.0), None, Some(25.0)], 100.0);
        assert_eq!(path, "M0 50.00H1V50.00H2V0.00H3M4 75.00H5");
    }

    #[test]
    fn a_column_is_as_high_as_its_calls() {
        let axis = Axis::over(&[]);
        let tick = Tick { at: 0, calls: 100, billed: 50, unbilled: 30, in_doubt: 20 };
        // Divided by seconds: 100 calls are 6,000 per minute.
        let bar = bar(3, &tick, &axis, 12_000.0).into_string();
        for part in [
            r#"class="billed" x="3" y="75.00" width="1" height="25.00""#,
            r#"class="unbilled" x="3" y="60.00" width="1" height="15.00""#,
            r#"class="doubt" x="3" y="50.00" width="1" height="10.00""#,
        ] {
            assert!(bar.contains(part), "{bar}");
        }
    }
}
