use common::{NewUser, Page, Problem, Settings, User, sql};
use futures_util::future::try_join_all;
use sqlx::{
    ConnectOptions, PgPool, Row,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow},
};

/// sqlx prepares each statement at its first use on a connection, and keeps it.
#[derive(Clone)]
pub struct Database {
    pool: PgPool,
}

impl Database {
    /// Opens all connections, for good. No ping before each use; the one that sqlx sends when a connection goes back to
    /// the pool cannot be turned off.
    pub async fn open(settings: &Settings) -> sqlx::Result<Self> {
        let count = settings.database_connections as u32;
        let options: PgConnectOptions = settings.database_url.parse()?;
        let pool = PgPoolOptions::new()
            .min_connections(count)
            .max_connections(count)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.options(sql::SESSION_OPTIONS).disable_statement_logging())
            .await?;
        // The pool itself opens the others later on.
        try_join_all((0..count).map(|_| pool.acquire())).await?;
        Ok(Database { pool })
    }

    pub async fn find(&self, id: i64) -> Result<Option<PgRow>, Problem> {
        sqlx::query(sql::USER_FIND).bind(id).fetch_optional(&self.pool).await.map_err(Problem::database_unavailable)
    }

    /// One user more than the page holds, if there is one.
    pub async fn list(&self, page: &Page) -> Result<Vec<PgRow>, Problem> {
        sqlx::query(sql::USER_LIST)
            .bind(page.after)
            .bind(page.limit + 1)
            .fetch_all(&self.pool)
            .await
            .map_err(Problem::database_unavailable)
    }

    pub async fn create(&self, user: &NewUser) -> Result<PgRow, Problem> {
        sqlx::query(sql::USER_CREATE).bind(&user.name).bind(&user.email).fetch_one(&self.pool).await.map_err(|error| {
            match error.as_database_error() {
                Some(refusal) if refusal.is_unique_violation() => Problem::EMAIL_TAKEN,
                _ => Problem::database_unavailable(error),
            }
        })
    }

    pub async fn lab_rows(&self, from_id: i64, count: i64, delay_ms: i64) -> Result<Vec<PgRow>, Problem> {
        sqlx::query(sql::LAB_ROWS)
            .bind(from_id)
            .bind(count)
            .bind(delay_ms)
            .fetch_all(&self.pool)
            .await
            .map_err(Problem::database_unavailable)
    }

    /// So many users by a query each, all at once, as far as there are connections.
    pub async fn lab_fan_out(&self, count: i64, delay_ms: i64) -> Result<Vec<PgRow>, Problem> {
        let answers = try_join_all((1..=count).map(|id| self.lab_rows(id, 1, delay_ms))).await?;
        Ok(answers.into_iter().flatten().collect())
    }
}

pub fn user(row: &PgRow) -> User<'_> {
    User {
        id: row.get(0),
        name: row.get(1),
        email: row.get(2),
        created_at: row.get(3),
        updated_at: row.get(4),
        version: row.get(5),
    }
}
