//! How quick the catalog is with 100,000 entities: `cargo run --release --example catalog_bench`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a measurement that cannot go on should stop loudly")]

use std::time::{Duration, Instant};

use postern::catalog::Catalog;
use postern::catalog::query::Query;

#[path = "../tests/suite/support/crowd.rs"]
mod crowd;

const ENTITIES: usize = 100_000;
const ROUNDS: usize = 300;

fn main() {
    let start = Instant::now();
    let entities = crowd::entities(ENTITIES);
    println!("{ENTITIES} entities read and linked in {:.1?}", start.elapsed());
    let start = Instant::now();
    let index = Catalog::new(entities).index();
    println!("indexed in {:.1?}; resident {} MiB", start.elapsed(), resident_mib());
    let start = Instant::now();
    (0..ENTITIES).for_each(|_| drop(std::hint::black_box(serde_json::Value::clone(index.entity(50_000)))));
    println!("one entity copied in {:.2?}", start.elapsed() / u32::try_from(ENTITIES).unwrap());
    println!("{:44} {:>9} {:>9} {:>9} {:>9} {:>9}", "question", "found", "least", "p50", "p99", "page 2");
    for (name, arguments) in crowd::questions(ENTITIES) {
        let page = Query::from_arguments(&arguments).unwrap().run(&index).unwrap();
        let next = page.next.map(|cursor| serde_json::json!({"cursor": cursor}));
        let [least, p50, p99] = measure(&arguments, &index);
        let second = next.map_or(Duration::ZERO, |next| measure(&next, &index)[1]);
        println!("{name:44} {:>9} {least:>9.1?} {p50:>9.1?} {p99:>9.1?} {second:>9.1?}", page.total);
    }
}

fn measure(arguments: &serde_json::Value, index: &postern::catalog::index::Index) -> [Duration; 3] {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            let page = Query::from_arguments(arguments).unwrap().run(index).unwrap();
            std::hint::black_box(page);
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    [times[0], times[ROUNDS / 2], times[ROUNDS * 99 / 100]]
}

/// What the system says this process holds, in MiB; 0 where it does not say.
fn resident_mib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().split(' ').next().and_then(|kib| kib.parse::<usize>().ok()).unwrap_or_default() / 1024
}
