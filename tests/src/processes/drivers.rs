//! The socket drivers of the binary: the same test on each of them that works on this machine.
//!
//! A test asks for a driver by the thread it runs on, so that its body need not know: whatever it starts there with
//! [`super::site::Site::serve`] gets the flag. Other tests run on the driver that SCRIP_TEST_IO names, or on `auto`.

use super::server::Server;
use super::site::{ANY_PORT, SMALL, Site};
use super::skip;
use std::cell::Cell;
use std::sync::OnceLock;

/// The drivers, by the names that `--io` takes.
pub const DRIVERS: [&str; 3] = ["tokio", "glommio", "ready"];

thread_local! {
    static ASKED_FOR: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// The driver that this thread's test asks for.
pub fn asked_for() -> Option<String> {
    ASKED_FOR.get().map(str::to_owned).or_else(|| std::env::var("SCRIP_TEST_IO").ok())
}

/// Runs `test` on a driver, or says why not.
///
/// # Panics
/// If the test does, or the driver fails in another way than by saying that it does not work here.
pub fn on(driver: &'static str, name: &str, test: fn()) {
    if let Err(why) = works(driver) {
        return skip(&format!("{driver}::{name}"), why);
    }
    ASKED_FOR.set(Some(driver));
    test();
}

fn works(driver: &'static str) -> Result<(), &'static str> {
    static WORKS: [OnceLock<Result<(), String>>; DRIVERS.len()] = [const { OnceLock::new() }; DRIVERS.len()];
    let index = DRIVERS.iter().position(|name| *name == driver).expect("one of them");
    let works = WORKS[index].get_or_init(|| {
        let flags: Vec<&str> = SMALL.iter().chain(&["--io", driver]).copied().collect();
        match Server::start(&Site::new(), ANY_PORT, &flags) {
            Ok(_) => Ok(()),
            Err(ended) => {
                let said = ended.stderr.lines().find(|line| line.contains("does not work here"));
                Err(said.unwrap_or_else(|| panic!("{driver}: {}", ended.stderr)).to_owned())
            }
        }
    });
    works.as_ref().copied().map_err(String::as_str)
}

/// Makes tests of these functions, one on each driver.
#[macro_export]
macro_rules! on_each_driver {
    ($($test:ident),* $(,)?) => {
        $crate::on_each_driver!(@ tokio, $($test),*);
        $crate::on_each_driver!(@ glommio, $($test),*);
        $crate::on_each_driver!(@ ready, $($test),*);
    };
    (@ $driver:ident, $($test:ident),*) => {
        mod $driver {
            $(
                #[test]
                fn $test() {
                    $crate::processes::drivers::on(stringify!($driver), stringify!($test), super::$test);
                }
            )*
        }
    };
}
