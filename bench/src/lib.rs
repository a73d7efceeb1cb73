//! Criterion benches of the floors below the sockets: `cargo bench -p scrip-bench`. The log's and the wire's own benches
//! live in their crates. Whole-system runs are `scrip bench`.
