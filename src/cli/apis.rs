//! `payonce apis`: what the profiles say.

use std::fmt::Write;

use serde::Serialize;

use super::args::{ApisArgs, SharedArgs};
use super::common;
use crate::catalog::{Code, Field, Profile};
use crate::domain::exit::Exit;
use crate::settings::configured_profile;

pub(super) fn apis(args: &ApisArgs, shared: &SharedArgs) -> anyhow::Result<Exit> {
    let (config, catalogue) = common::load(shared)?;
    let profiles: Vec<&Profile> = match &args.id {
        Some(id) => vec![catalogue.get(id)?],
        None => catalogue.profiles().iter().collect(),
    };
    let profiles: Vec<Profile> =
        profiles.into_iter().map(|profile| configured_profile(profile.clone(), &config)).collect::<Result<_, _>>()?;
    if args.json {
        let views: Vec<_> = profiles.iter().map(ApiView::of).collect();
        match (&args.id, views.as_slice()) {
            (Some(_), [view]) => common::print_json(view)?,
            _ => common::print_json(&views)?,
        }
    } else if args.id.is_some() {
        common::print(&profiles.iter().map(whole).collect::<String>())?;
    } else {
        common::print(&profiles.iter().map(line).collect::<String>())?;
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct ApiView {
    id: String,
    prefix: String,
    title: String,
    url: String,
    methods: Vec<String>,
    carrier: Option<String>,
    billing: String,
    subject_param: String,
    subject_form: String,
    columns: Vec<String>,
    codes: Vec<CodeView>,
}

#[derive(Serialize)]
struct CodeView {
    code: i64,
    old_code: Option<i64>,
    class: &'static str,
    meaning: String,
}

impl ApiView {
    fn of(profile: &Profile) -> Self {
        ApiView {
            id: profile.id.to_string(),
            prefix: profile.prefix.clone(),
            title: profile.title.clone(),
            url: profile.url.clone(),
            methods: profile.methods.iter().map(ToString::to_string).collect(),
            carrier: profile.carrier.map(|carrier| carrier.to_string()),
            billing: profile.billing.to_string(),
            subject_param: profile.subject.param.clone(),
            subject_form: profile.subject.form.to_string(),
            columns: profile.columns(),
            codes: codes(profile)
                .map(|(code, known)| CodeView {
                    code,
                    old_code: known.old,
                    class: known.class(profile.is_assumed()).as_str(),
                    meaning: known.meaning.clone(),
                })
                .collect(),
        }
    }
}

/// The profile's own codes first, the system's after them.
fn codes(profile: &Profile) -> impl Iterator<Item = (i64, &Code)> {
    let (system, own): (Vec<_>, Vec<_>) = profile.codes.iter().partition(|(code, _)| (10_000..20_000).contains(code));
    own.into_iter().chain(system)
}

fn line(profile: &Profile) -> String {
    format!(
        "{:20} {} ({}, asked by {}, billing {})\n",
        profile.id,
        profile.title,
        profile.carrier.map(|carrier| carrier.to_string()).unwrap_or_else(|| "any carrier".to_owned()),
        match profile.subject.form {
            crate::catalog::SubjectForm::Plain => "number",
            crate::catalog::SubjectForm::Sha256 => "SHA-256",
        },
        profile.billing
    )
}

fn whole(profile: &Profile) -> String {
    let mut out = String::new();
    let methods: Vec<_> = profile.methods.iter().map(ToString::to_string).collect();
    let _ = writeln!(out, "{}: {}", profile.id, profile.title);
    let _ = writeln!(out, "url        {} ({})", profile.url, methods.join(", "));
    let _ = writeln!(out, "subject    {}, {}", profile.subject.param, profile.subject.form);
    if let Some(carrier) = profile.carrier {
        let _ = writeln!(out, "carrier    {carrier}");
    }
    let _ = writeln!(
        out,
        "billing    {}",
        if profile.is_assumed() {
            "assumed: the document does not say which codes are billed; only 0 is taken for paid, and service codes keep their budget reservation until a statement clears them ([apis.ID] billing changes it)"
        } else {
            "documented: only code 0 is billed"
        }
    );
    if let Some(document) = &profile.document {
        let _ = writeln!(out, "document   {} ({}), version {}", document.title, document.file, document.version);
    }
    let _ = writeln!(out, "columns    {}", profile.columns().join(", "));
    for field in &profile.reply.fields {
        labels(&mut out, profile, field);
    }
    out.push_str("codes\n");
    for (code, known) in codes(profile) {
        let old = known.old.map(|old| format!("(old {old})")).unwrap_or_default();
        let class = known.class(profile.is_assumed()).as_str();
        let _ = writeln!(out, "  {code:>7} {old:9} {class:12} {}", known.meaning);
    }
    out
}

fn labels(out: &mut String, profile: &Profile, field: &Field) {
    let _ = writeln!(out, "field      {}_{}: {} ({})", profile.prefix, field.column, field.meaning, field.path);
    let Some(label_column) = &field.label_column else { return };
    let mut labels: Vec<_> = field.labels.iter().collect();
    labels.sort_by_key(|(code, _)| code.parse::<i64>().unwrap_or(i64::MAX));
    let labels: Vec<_> = labels.into_iter().map(|(code, label)| format!("{code} = {label}")).collect();
    let _ = writeln!(out, "           {}_{label_column}: {}", profile.prefix, labels.join("; "));
    if let Some((code, band)) = field.gap() {
        let _ = writeln!(
            out,
            "           the document's list has no {band}; labels follow its order. If your contract says otherwise, in the config:\n\
             \x20          apis.{}.labels.{label_column} = {{ \"{code}\" = \"{band}\" }}",
            profile.id
        );
    }
}
