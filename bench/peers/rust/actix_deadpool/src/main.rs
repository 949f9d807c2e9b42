//! The API subset with actix-web and deadpool-postgres: a worker per processor, each with a pool of its own.

mod database;

use std::{
    error::Error,
    fmt,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, ResponseError,
    body::BoxBody,
    http::{
        KeepAlive, StatusCode,
        header::{CONTENT_TYPE, HeaderValue, LOCATION},
    },
    web::{self, Bytes, Data, Path},
};
use common::{HEALTH, JSON, Lab, NewUser, PROBLEM_JSON, Page, Problem, Settings, User, UserPage, Users, sql};
use database::{Database, user};
use deadpool_postgres::tokio_postgres::Config;
use serde::Serialize;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A problem, as actix-web wants to be told.
#[derive(Debug)]
struct Failure(Problem);

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Failure(problem)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).expect("a problem has a valid status")
    }

    fn error_response(&self) -> HttpResponse {
        let body = serde_json::to_vec(&self.0).expect("a problem is always JSON");
        answer(self.status_code(), PROBLEM_JSON, BoxBody::new(body))
    }
}

type Answer = Result<HttpResponse, Failure>;

fn answer(status: StatusCode, media_type: &'static str, body: BoxBody) -> HttpResponse {
    let mut response = HttpResponse::with_body(status, body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// An answer in JSON, of about `size` bytes.
fn json(status: StatusCode, value: &impl Serialize, size: usize) -> Answer {
    let mut body = Vec::with_capacity(size);
    serde_json::to_writer(&mut body, value).map_err(|_| Problem::INTERNAL)?;
    Ok(answer(status, JSON, BoxBody::new(body)))
}

async fn health() -> HttpResponse {
    answer(StatusCode::OK, JSON, BoxBody::new(HEALTH))
}

async fn not_found() -> Answer {
    Err(Problem::NOT_FOUND.into())
}

async fn find_user(database: Data<Database>, id: actix_web::Result<Path<i64>>) -> Answer {
    let id = id.map_err(|_| Problem::NOT_FOUND)?.into_inner();
    let row = database.find(id).await?.ok_or(Problem::USER_NOT_FOUND)?;
    json(StatusCode::OK, &user(&row), User::SIZE)
}

async fn list_users(database: Data<Database>, request: HttpRequest) -> Answer {
    let page = Page::parse(request.query_string())?;
    let rows = database.list(&page).await?;
    let users = UserPage::new(rows.iter().map(user).collect(), page.limit);
    json(StatusCode::OK, &users, (rows.len() + 1) * User::SIZE)
}

async fn create_user(database: Data<Database>, body: Bytes) -> Answer {
    let row = database.create(&NewUser::parse(&body)?).await?;
    let user = user(&row);
    let mut response = json(StatusCode::CREATED, &user, User::SIZE)?;
    let location = HeaderValue::try_from(format!("/users/{}", user.id)).map_err(|_| Problem::INTERNAL)?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

async fn lab_users(database: Data<Database>, request: HttpRequest) -> Answer {
    let lab = Lab::parse(request.query_string())?;
    let rows = match lab {
        Lab::Rows { count, delay_ms } => database.lab_rows(1, count, delay_ms).await?,
        Lab::FanOut { count, delay_ms } => database.lab_fan_out(count, delay_ms).await?,
    };
    lab.check(rows.len())?;
    let users = rows.iter().map(user).collect();
    json(StatusCode::OK, &Users { users }, (rows.len() + 1) * User::SIZE)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_env()?;
    let mut config: Config = settings.database_url.parse()?;
    config.options(sql::session_options());
    let connections = settings.database_connections;
    // A worker without a connection would be of no use.
    let workers = thread::available_parallelism()?.get().min(connections);
    let started = Arc::new(AtomicUsize::new(0)); // workers
    HttpServer::new(move || {
        let worker = started.fetch_add(1, Ordering::Relaxed);
        let share = (worker..connections).step_by(workers).len();
        let config = config.clone();
        App::new()
            .data_factory(move || {
                let opening = Database::open(config.clone(), share);
                async { opening.await.inspect_err(|error| eprintln!("database: {error}")) }
            })
            .route("/health", web::get().to(health))
            .service(web::resource("/users").get(list_users).post(create_user))
            .route("/users/{id}", web::get().to(find_user))
            .route("/lab/users", web::get().to(lab_users))
            .default_service(web::to(not_found))
    })
    .workers(workers)
    .backlog(4096)
    .tcp_nodelay(true)
    .keep_alive(KeepAlive::Os)
    .client_request_timeout(Duration::ZERO)
    .shutdown_timeout(5)
    .bind((Ipv4Addr::LOCALHOST, settings.port))?
    .run()
    .await?;
    Ok(())
}
