//! The examples in a real browser: headless Chromium, driven through `chromedriver`.
//!
//! Where `chromedriver` is not installed the tests say so and pass, unless
//! `SESSION_TEST_BROWSER=required` as in `scripts/test`, which installs it.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod cart;
mod chromium;
mod counter;
mod login;
