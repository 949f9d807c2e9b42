use std::sync::Arc;

use common::{NewUser, Page, Problem, User, sql};
use futures_util::future::{try_join, try_join_all};
use tokio_postgres::{
    Client, Config, Error, NoTls, Row, Statement,
    error::SqlState,
    types::{ToSql, Type},
};

/// A connection with its statements prepared. Queries that are sent before the answers to earlier ones have come are
/// pipelined.
pub struct Connection {
    client: Client,
    find: Statement,
    list: Statement,
    create: Statement,
    lab: Statement,
}

impl Connection {
    /// Its input and output happen on the runtime that opens it.
    pub async fn open(config: &Config) -> Result<Arc<Connection>, Error> {
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("database connection: {error}");
            }
        });
        let ((find, list), (create, lab)) = try_join(
            try_join(client.prepare(sql::USER_FIND), client.prepare(sql::USER_LIST)),
            try_join(client.prepare(sql::USER_CREATE), client.prepare_typed(sql::LAB_ROWS, &[Type::INT8; 3])),
        )
        .await?;
        Ok(Arc::new(Connection { client, find, list, create, lab }))
    }
}

/// The connections of a thread.
#[derive(Clone)]
pub struct Database {
    connections: Arc<[Arc<Connection>]>,
}

impl Database {
    /// There must be at least one connection, and of each as many other references.
    pub fn new(connections: Vec<Arc<Connection>>) -> Self {
        Database { connections: connections.into() }
    }

    /// The connection with the fewest queries in flight: each holds a reference until it is answered.
    fn least_busy(&self) -> Arc<Connection> {
        let least = self.connections.iter().min_by_key(|connection| Arc::strong_count(connection));
        Arc::clone(least.expect("there is a connection"))
    }

    pub async fn find(&self, id: i64) -> Result<Option<Row>, Problem> {
        let connection = self.least_busy();
        connection.client.query_opt(&connection.find, &[&id]).await.map_err(Problem::database_unavailable)
    }

    /// One user more than the page holds, if there is one.
    pub async fn list(&self, page: &Page) -> Result<Vec<Row>, Problem> {
        let connection = self.least_busy();
        let parameters: [&(dyn ToSql + Sync); _] = [&page.after, &(page.limit + 1)];
        connection.client.query(&connection.list, &parameters).await.map_err(Problem::database_unavailable)
    }

    pub async fn create(&self, user: &NewUser) -> Result<Row, Problem> {
        let connection = self.least_busy();
        connection.client.query_one(&connection.create, &[&user.name, &user.email]).await.map_err(|error| {
            match error.code() {
                Some(&SqlState::UNIQUE_VIOLATION) => Problem::EMAIL_TAKEN,
                _ => Problem::database_unavailable(error),
            }
        })
    }

    pub async fn lab_rows(&self, from_id: i64, count: i64, delay_ms: i64) -> Result<Vec<Row>, Problem> {
        let connection = self.least_busy();
        connection
            .client
            .query(&connection.lab, &[&from_id, &count, &delay_ms])
            .await
            .map_err(Problem::database_unavailable)
    }

    /// So many users by a query each, all at once.
    pub async fn lab_fan_out(&self, count: i64, delay_ms: i64) -> Result<Vec<Row>, Problem> {
        let answers = try_join_all((1..=count).map(|id| self.lab_rows(id, 1, delay_ms))).await?;
        Ok(answers.into_iter().flatten().collect())
    }
}

pub fn user(row: &Row) -> User<'_> {
    User {
        id: row.get(0),
        name: row.get(1),
        email: row.get(2),
        created_at: row.get(3),
        updated_at: row.get(4),
        version: row.get(5),
    }
}
