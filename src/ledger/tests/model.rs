//! Random operations against a naive model that keeps every call in a list.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::domain::call::Decision;

#[derive(Clone, Debug)]
enum Op {
    Open { run: u8, subject: u32 },
    Settle { nth: usize, outcome: Outcome, assumed: bool },
    Withdraw { nth: usize },
    Decide { nth: usize, decision: Decision },
    Kill,
}

fn op() -> impl Strategy<Value = Op> {
    let outcome = prop::sample::select(vec![
        Outcome::Paid,
        Outcome::NoRecord,
        Outcome::Rejected,
        Outcome::Failed,
        Outcome::Unpaid,
        Outcome::Doubt,
    ]);
    let decision =
        prop::sample::select(vec![Decision::Release, Decision::WriteOff, Decision::Charged, Decision::NotCharged]);
    prop_oneof![
        6 => (0_u8..2, 0_u32..6).prop_map(|(run, subject)| Op::Open { run, subject }),
        5 => (0_usize..40, outcome, any::<bool>()).prop_map(|(nth, outcome, assumed)| Op::Settle { nth, outcome, assumed }),
        1 => (0_usize..40).prop_map(|nth| Op::Withdraw { nth }),
        3 => (0_usize..40, decision).prop_map(|(nth, decision)| Op::Decide { nth, decision }),
        1 => Just(Op::Kill),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Open,
    Paid,
    Unbilled { terminal: bool, failed: bool, assumed: bool },
    Doubt,
    Released,
    WrittenOff,
    Lost,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    run: RunId,
    subject: u32,
    fate: Fate,
    after_release: bool,
}

/// Every call in a list, nothing kept twice.
#[derive(Default)]
struct Model {
    calls: Vec<(CallId, Call)>,
}

impl Model {
    /// Whether a call may be granted, ignoring money.
    fn is_free(&self, run: RunId, subject: u32) -> bool {
        self.calls.iter().filter(|(_, call)| call.subject == subject).all(|(_, call)| match call.fate {
            Fate::Unbilled { terminal, failed, .. } => !terminal || (failed && call.run != run),
            Fate::Released => true,
            Fate::Open | Fate::Paid | Fate::Doubt | Fate::WrittenOff | Fate::Lost => false,
        })
    }

    fn totals(&self, run: Option<RunId>) -> Totals {
        let mut totals = Totals::default();
        for (_, call) in self.calls.iter().filter(|(_, call)| run.is_none_or(|run| run == call.run)) {
            totals.calls += 1;
            let (count, sum) = match call.fate {
                Fate::Open => (&mut totals.open, Some(&mut totals.reserved)),
                Fate::Paid => (&mut totals.billed, Some(&mut totals.spent)),
                Fate::Unbilled { assumed: true, .. } => (&mut totals.unbilled_assumed, Some(&mut totals.held)),
                Fate::Unbilled { assumed: false, .. } => (&mut totals.unbilled, None),
                Fate::Doubt => (&mut totals.in_doubt, Some(&mut totals.at_stake)),
                Fate::Released => (&mut totals.released, Some(&mut totals.held)),
                Fate::WrittenOff => (&mut totals.written_off, Some(&mut totals.held)),
                Fate::Lost => (&mut totals.lost, Some(&mut totals.spent)),
            };
            *count += 1;
            if let Some(sum) = sum {
                *sum += yuan("0.05");
            }
            totals.paid_again += u64::from(call.fate == Fate::Paid && call.after_release);
        }
        totals
    }
}

fn settled(outcome: Outcome, assumed: bool) -> Fate {
    match outcome {
        Outcome::Paid => Fate::Paid,
        Outcome::Doubt => Fate::Doubt,
        _ => Fate::Unbilled { terminal: outcome != Outcome::Unpaid, failed: outcome == Outcome::Failed, assumed },
    }
}

fn decided(fate: Fate, decision: Decision) -> Option<Fate> {
    let cleared = Fate::Unbilled { terminal: false, failed: false, assumed: false };
    match (fate, decision) {
        (Fate::Doubt, Decision::Release) => Some(Fate::Released),
        (Fate::Doubt, Decision::WriteOff) => Some(Fate::WrittenOff),
        (Fate::Doubt | Fate::Released | Fate::WrittenOff, Decision::Charged) => Some(Fate::Lost),
        (Fate::Doubt | Fate::Released | Fate::WrittenOff, Decision::NotCharged) => Some(cleared),
        (Fate::Unbilled { assumed: true, .. }, Decision::Charged) => Some(Fate::Lost),
        (Fate::Unbilled { assumed: true, terminal, failed }, Decision::NotCharged) => {
            Some(Fate::Unbilled { assumed: false, terminal, failed })
        }
        _ => None,
    }
}

async fn play(ops: Vec<Op>) {
    let budget = yuan("1");
    let terms = Terms { budget: Some(budget), ..Terms::default() };
    let mut bench = bench();
    let mut runs = HashMap::new();
    for run in 0..2 {
        runs.insert(run, bench.begin_with(key(run), terms.clone()).await);
    }
    let mut model = Model::default();
    for op in ops {
        match op {
            Op::Open { run, subject } => {
                let run = &runs[&run];
                let free = model.is_free(run.id, subject);
                let affordable = model.totals(Some(run.id)).committed() + yuan("0.05") <= budget;
                match bench.open(run, subject).await {
                    Opened::Granted(id) => {
                        assert!(free && affordable, "{id} about {subject} should not have been granted");
                        let after_release =
                            model.calls.iter().any(|(_, call)| call.subject == subject && call.fate == Fate::Released);
                        model.calls.push((id, Call { run: run.id, subject, fate: Fate::Open, after_release }));
                    }
                    Opened::NoBudget(_) => assert!(free && !affordable),
                    other => assert!(!free, "{subject}: {other:?}"),
                }
            }
            Op::Settle { nth, outcome, assumed } => {
                let Some((id, call)) = model.calls.get_mut(nth) else { continue };
                bench.ledger.settle(vec![Settlement { assumed, ..settlement(*id, outcome) }]).await.unwrap();
                if call.fate == Fate::Open {
                    call.fate = settled(outcome, assumed);
                }
            }
            Op::Withdraw { nth } => {
                let Some((id, call)) = model.calls.get(nth).copied() else { continue };
                bench.ledger.withdraw(vec![id]).await.unwrap();
                if call.fate == Fate::Open {
                    model.calls.remove(nth);
                }
            }
            Op::Decide { nth, decision } => {
                let Some((id, call)) = model.calls.get_mut(nth) else { continue };
                let done = bench.ledger.decide(vec![*id], decision).await;
                match decided(call.fate, decision) {
                    Some(fate) => {
                        done.unwrap();
                        call.fate = fate;
                    }
                    None => assert!(matches!(done, Err(LedgerError::NoSuchDoubt(_))), "{done:?}"),
                }
            }
            Op::Kill => {
                bench = bench.restart();
                for (number, run) in &mut runs {
                    *run = bench.begin_with(key(*number), terms.clone()).await;
                }
                bench.ledger.adopt_orphans(runs[&0].id).await.unwrap();
                for (_, call) in model.calls.iter_mut().filter(|(_, call)| call.fate == Fate::Open) {
                    call.fate = Fate::Doubt;
                }
            }
        }
        assert_eq!(bench.totals().await, model.totals(None));
        for run in runs.values() {
            let totals = bench.totals_of(run.id).await;
            assert_eq!(totals, model.totals(Some(run.id)));
            assert!(totals.committed() <= budget);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn the_totals_are_those_of_a_naive_model(ops in prop::collection::vec(op(), 1..60)) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(play(ops));
    }
}
