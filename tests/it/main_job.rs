//! The main job: a CSV of customers comes back enriched by both APIs.

use crate::support::{CTCC, CUCC, Night, Vendor, customers, fixture};

#[test]
fn the_fixture_comes_back_enriched_by_both_apis() {
    let night = Night::new().file("customers.csv", fixture("customers.csv"));
    night.run(["run", "customers.csv", "--api", CTCC, "--api", CUCC, "--sandbox", "--rate", "500/s"]).exit(0);
    let (before, after) = (night.table("customers.csv"), night.table("customers.enriched.csv"));
    assert_eq!(before.rows.len(), after.rows.len());
}

#[test]
fn a_second_run_asks_nothing() {
    let night = Night::new().file("in.csv", customers(300));
    let vendor = Vendor::start();
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC, "--rate", "2000/s"]).exit(0);
    let first = vendor.bill();
    assert_eq!((first.requests, first.charged), (300, 300));
    night.ask(&vendor, ["run", "in.csv", "--api", CUCC, "--rate", "2000/s"]).exit(0).stderr_has("nothing to ask");
    assert_eq!(vendor.bill(), first);
}
