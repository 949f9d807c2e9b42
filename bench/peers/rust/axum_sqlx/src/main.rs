//! The API subset with axum and sqlx: one runtime with a thread per processor, one pool.

mod database;

use std::error::Error;

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
};
use database::{Database, user};

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

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_env()?;
    let database = Database::open(&settings).await?;
    serve(listen(settings.port, false)?, router(database)).await?;
    Ok(())
}
