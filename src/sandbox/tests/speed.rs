//! How fast it is, measured and not asserted.

use super::*;

/// Requests per second over kept-alive connections; the client side of it runs on the same cores.
#[test]
#[ignore = "a measurement: cargo test --release sandbox_speed -- --ignored --nocapture"]
fn sandbox_speed() {
    const THREADS: u32 = 4;
    const CONNECTIONS: u32 = 16;
    const EACH: u32 = 15_000;
    let sandbox = plain();
    let addr = sandbox.addr();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || drive(addr, thread * CONNECTIONS * EACH, CONNECTIONS, EACH, "\"error_code\":0}"));
        }
    });
    let bill = sandbox.bill();
    assert_eq!((bill.charged, bill.charged_twice), (u64::from(THREADS * CONNECTIONS * EACH), 0));
    let rate = f64::from(THREADS * CONNECTIONS * EACH) / began.elapsed().as_secs_f64();
    println!("{rate:.0} requests/s; worst second {}\n{bill}", bill.worst_second);
}
