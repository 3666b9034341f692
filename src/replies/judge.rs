//! The verdict on a reply (CONTRACT: Replies).

use super::envelope::{Envelope, Unreadable, code as read_code, is_json};
use crate::catalog::{Level, Profile};
use crate::domain::verdict::{Billing, Class, CodeClass, RawReply, Verdict};

/// What a reply to one call of `profile` means.
pub fn judge(profile: &Profile, reply: &RawReply) -> Verdict {
    match reply {
        RawReply::NotSent { why } => Verdict::bare(Class::NotSent, Billing::NotSent, why.clone()),
        RawReply::Lost { why } => doubt(why.clone()),
        RawReply::Received { http, retry_after, body } => {
            let mut verdict = match read(profile, body) {
                Ok(Some(verdict)) => verdict,
                Ok(None) => without_envelope(*http, body),
                Err(contradiction) => doubt(contradiction),
            };
            if let Class::Throttle { retry_after: wait } = &mut verdict.class {
                *wait = *retry_after;
            }
            verdict
        }
    }
}

fn doubt(why: impl Into<String>) -> Verdict {
    Verdict::bare(Class::Doubt, Billing::Doubt, why)
}

/// The verdict by the envelope; none where there is no readable one, an error where it contradicts itself.
fn read(profile: &Profile, body: &[u8]) -> Result<Option<Verdict>, String> {
    let contradiction = |unreadable: Unreadable| match unreadable {
        Unreadable::Contradiction(key) => Some(format!("the reply gives '{key}' twice, with two values")),
        Unreadable::NotAnObject => None,
    };
    let envelope = match Envelope::parse(body) {
        Ok(envelope) => envelope,
        Err(_) => return Ok(None),
    };
    match by_code(profile, &envelope) {
        Ok(verdict) => verdict.transpose(),
        Err(unreadable) => contradiction(unreadable).map_or(Ok(None), Err),
    }
}

/// The inner result is an error where two codes contradict each other.
fn by_code(profile: &Profile, envelope: &Envelope<'_>) -> Result<Option<Result<Verdict, String>>, Unreadable> {
    let paths = &profile.reply;
    let current = envelope.text(&paths.error_code)?;
    let older = match &paths.old_code {
        Some(path) => envelope.text(path)?.as_deref().and_then(read_code),
        None => None,
    };
    let code = match current.as_deref().map(read_code) {
        Some(None) => return Ok(None),
        Some(Some(code)) => {
            let renamed = older.and_then(|old| profile.codes.from_old(old));
            if let Some(other) = renamed.filter(|other| *other != code) {
                return Ok(Some(Err(format!("the reply's codes contradict each other: {code} and {other}"))));
            }
            code
        }
        None => match older {
            Some(old) => profile.codes.from_old(old).unwrap_or(old),
            None => return Ok(None),
        },
    };
    let mut verdict = classify(profile, code);
    verdict.reason = envelope.text(&paths.reason)?.unwrap_or_default();
    if verdict.billing == Billing::Paid {
        verdict.order_id = envelope.text(&paths.order_id)?.filter(|id| !id.is_empty());
        for field in &paths.fields {
            verdict.fields.push(envelope.text(&field.path)?.unwrap_or_default());
        }
    }
    Ok(Some(Ok(verdict)))
}

fn classify(profile: &Profile, code: i64) -> Verdict {
    let assumed = profile.is_assumed();
    let class = match profile.codes.get(code).map(|known| known.class(assumed)) {
        Some(CodeClass::Answer) => Class::Answer,
        Some(CodeClass::NoRecord) => Class::NoRecord,
        Some(CodeClass::Rejected) => Class::Rejected,
        Some(CodeClass::Retry) => Class::Retry,
        Some(CodeClass::Throttle) => Class::Throttle { retry_after: None },
        Some(CodeClass::Quota) => Class::Quota,
        Some(CodeClass::Maintenance) => Class::Maintenance,
        Some(CodeClass::Halt) => Class::Halt,
        Some(CodeClass::Doubt) => Class::Doubt,
        None => Class::Unknown,
    };
    let billing = match class {
        Class::Answer => Billing::Paid,
        Class::Doubt => Billing::Doubt,
        // System codes are refusals before the service is reached; whether a service code is billed is what the document
        // would have to say. An unknown code may be either.
        _ if assumed && Level::of(code) != Level::System => Billing::UnpaidAssumed,
        _ => Billing::Unpaid,
    };
    Verdict { code: Some(code), ..Verdict::bare(class, billing, "") }
}

/// The verdict by the HTTP status alone.
fn without_envelope(http: u16, body: &[u8]) -> Verdict {
    let shape = match body {
        [] => "an empty body",
        _ if is_json(body) => "JSON without an error_code",
        _ => "a body that is not the vendor's JSON",
    };
    let reason = format!("HTTP {http} with {shape}");
    // The web server in front of the service answered for it: no answer was given, so none is billed.
    match http {
        429 => Verdict::bare(Class::Throttle { retry_after: None }, Billing::Unpaid, reason),
        300..=399 | 401 | 403 | 404 => Verdict::bare(Class::Halt, Billing::Unpaid, reason),
        400..=499 => Verdict::bare(Class::Unknown, Billing::Unpaid, reason),
        _ => doubt(reason),
    }
}

#[cfg(test)]
mod tests;
