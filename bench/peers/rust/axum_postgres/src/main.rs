//! The API subset with axum and tokio-postgres: a runtime of its own for each processor, with a listening socket and
//! with connections of its own, so that no request ever leaves its thread.

mod database;

use std::{
    error::Error,
    process,
    sync::{Arc, Barrier, Mutex, PoisonError},
    thread,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, RawQuery, State, rejection::PathRejection},
    http::{HeaderValue, StatusCode, header::LOCATION},
    response::Response,
    routing::get,
};
use common::{
    Lab, NewUser, Page, Problem, Settings, User, UserPage, Users,
    axum::{health, json, listen, not_found, serve},
    sql,
};
use database::{Connection, Database, user};
use futures_util::future::try_join_all;
use tokio::runtime;
use tokio_postgres::Config;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Answer = Result<Response, Problem>;

async fn find_user(State(database): State<Database>, id: Result<Path<i64>, PathRejection>) -> Answer {
    let Ok(Path(id)) = id else {
        return Err(Problem::NOT_FOUND);
    };
    let row = database.find(id).await?.ok_or(Problem::USER_NOT_FOUND)?;
    json(StatusCode::OK, &user(&row), User::SIZE)
}

async fn list_users(State(database): State<Database>, RawQuery(query): RawQuery) -> Answer {
    let page = Page::parse(&query.unwrap_or_default())?;
    let rows = database.list(&page).await?;
    let users = UserPage::new(rows.iter().map(user).collect(), page.limit);
    json(StatusCode::OK, &users, (rows.len() + 1) * User::SIZE)
}

async fn create_user(State(database): State<Database>, body: Bytes) -> Answer {
    let row = database.create(&NewUser::parse(&body)?).await?;
    let user = user(&row);
    let mut response = json(StatusCode::CREATED, &user, User::SIZE)?;
    let location = HeaderValue::try_from(format!("/users/{}", user.id)).map_err(|_| Problem::INTERNAL)?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

async fn lab_users(State(database): State<Database>, RawQuery(query): RawQuery) -> Answer {
    let lab = Lab::parse(&query.unwrap_or_default())?;
    let rows = match lab {
        Lab::Rows { count, delay_ms } => database.lab_rows(1, count, delay_ms).await?,
        Lab::FanOut { count, delay_ms } => database.lab_fan_out(count, delay_ms).await?,
    };
    lab.check(rows.len())?;
    let users = rows.iter().map(user).collect();
    json(StatusCode::OK, &Users { users }, (rows.len() + 1) * User::SIZE)
}

fn router(database: Database) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/users", get(list_users).post(create_user))
        .route("/users/{id}", get(find_user))
        .route("/lab/users", get(lab_users))
        .fallback(not_found)
        .with_state(database)
}

/// Where the threads meet when all connections are open.
struct Start {
    settings: Settings,
    config: Config,
    threads: usize,
    connections: Mutex<Vec<Arc<Connection>>>, // of all threads
    barrier: Barrier,
}

impl Start {
    fn new(settings: Settings) -> Result<Self, Box<dyn Error>> {
        let threads = thread::available_parallelism()?.get();
        let mut config: Config = settings.database_url.parse()?;
        config.options(sql::session_options());
        Ok(Start { config, settings, threads, connections: Mutex::default(), barrier: Barrier::new(threads) })
    }

    /// Opens this thread's share of the connections. With fewer connections than threads, all threads use them all.
    async fn database(&self, thread: usize) -> Result<Database, Box<dyn Error>> {
        let share = (thread..self.settings.database_connections).step_by(self.threads);
        let own = try_join_all(share.map(|_| Connection::open(&self.config))).await?;
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).extend(own.iter().cloned());
        self.barrier.wait();
        if self.settings.database_connections >= self.threads {
            return Ok(Database::new(own));
        }
        let all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Database::new(all.clone()))
    }

    fn run(&self, thread: usize) -> Result<(), Box<dyn Error>> {
        runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
            let database = self.database(thread).await?;
            serve(listen(self.settings.port, true)?, router(database)).await?;
            Ok(())
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let start = Start::new(Settings::from_env()?)?;
    thread::scope(|scope| {
        for thread in 0..start.threads {
            let start = &start;
            scope.spawn(move || {
                // The others would wait for ever.
                if let Err(error) = start.run(thread) {
                    eprintln!("{error}");
                    process::exit(1);
                }
            });
        }
    });
    Ok(())
}
