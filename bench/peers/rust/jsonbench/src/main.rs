//! Measures the JSON of users: jsonbench users.json [rounds]
//!
//! Prints a line of JSON per round, in nanoseconds per operation: one user, and an array of 100.

use std::{env, error::Error, fs, hint::black_box};

use common::User;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::{OffsetDateTime, serde::rfc3339};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PAGE: usize = 100;
const MEASURE_NS: i64 = 50_000_000;

/// A user as read from the file.
#[derive(Deserialize)]
struct Stored {
    id: i64,
    name: String,
    email: String,
    #[serde(deserialize_with = "rfc3339::deserialize")]
    created_at: OffsetDateTime,
    #[serde(deserialize_with = "rfc3339::deserialize")]
    updated_at: OffsetDateTime,
    version: i64,
}

impl<'a> From<&'a Stored> for User<'a> {
    fn from(stored: &'a Stored) -> Self {
        User {
            id: stored.id,
            name: &stored.name,
            email: &stored.email,
            created_at: stored.created_at,
            updated_at: stored.updated_at,
            version: stored.version,
        }
    }
}

/// CPU time of this thread: others may use the processor meanwhile.
fn cpu_now_ns() -> i64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// Nanoseconds per value, each for the next one, into one buffer.
fn measure(values: &[impl Serialize]) -> serde_json::Result<f64> {
    let mut buffer = Vec::new();
    let (mut calls, start) = (0, cpu_now_ns());
    loop {
        for value in values {
            buffer.clear();
            serde_json::to_writer(&mut buffer, black_box(value))?;
            black_box(&buffer);
        }
        calls += values.len();
        let elapsed = cpu_now_ns() - start;
        if elapsed >= MEASURE_NS {
            return Ok(elapsed as f64 / calls as f64);
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let path = arguments.next().ok_or("usage: jsonbench users.json [rounds]")?;
    let rounds: usize = arguments.next().map_or(Ok(10), |rounds| rounds.parse())?;

    let text = fs::read(path)?;
    let stored: Vec<Stored> = serde_json::from_slice(&text)?;
    let users: Vec<User> = stored.iter().map(User::from).collect();
    let pages: Vec<&[User]> = users.chunks_exact(PAGE).collect();
    if pages.is_empty() {
        return Err(format!("there must be at least {PAGE} users").into());
    }
    if serde_json::to_value(&users)? != serde_json::from_slice::<Value>(&text)? {
        return Err("what is written is not what was read".into());
    }
    for _ in 0..rounds {
        let one = measure(&users)?;
        let hundred = measure(&pages)?;
        println!("{}", json!({"one": {"serde_json": one}, "hundred": {"serde_json": hundred}}));
    }
    Ok(())
}
