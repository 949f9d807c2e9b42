use std::error::Error;

use common::{NewUser, Page, Problem, User, sql};
use deadpool_postgres::{
    Client, Manager, ManagerConfig, Pool, RecyclingMethod,
    tokio_postgres::{Config, NoTls, Row, Statement, error::SqlState, types::Type},
};
use futures_util::future::try_join_all;

pub struct Database {
    pool: Pool,
}

impl Database {
    /// Opens so many connections, for good, and prepares all statements on each. Their input and output happen on the
    /// thread that opens them.
    pub async fn open(config: Config, connections: usize) -> Result<Self, Box<dyn Error>> {
        let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let pool = Pool::builder(manager).max_size(connections).build()?;
        for client in try_join_all((0..connections).map(|_| pool.get())).await? {
            for statement in [sql::USER_FIND, sql::USER_LIST, sql::USER_CREATE] {
                client.prepare_cached(statement).await?;
            }
            client.prepare_typed_cached(sql::LAB_ROWS, &[Type::INT8; 3]).await?;
        }
        Ok(Database { pool })
    }

    async fn client(&self) -> Result<Client, Problem> {
        self.pool.get().await.map_err(Problem::database_unavailable)
    }

    pub async fn find(&self, id: i64) -> Result<Option<Row>, Problem> {
        let client = self.client().await?;
        let statement = client.prepare_cached(sql::USER_FIND).await.map_err(Problem::database_unavailable)?;
        client.query_opt(&statement, &[&id]).await.map_err(Problem::database_unavailable)
    }

    /// One user more than the page holds, if there is one.
    pub async fn list(&self, page: &Page) -> Result<Vec<Row>, Problem> {
        let client = self.client().await?;
        let statement = client.prepare_cached(sql::USER_LIST).await.map_err(Problem::database_unavailable)?;
        client.query(&statement, &[&page.after, &(page.limit + 1)]).await.map_err(Problem::database_unavailable)
    }

    pub async fn create(&self, user: &NewUser) -> Result<Row, Problem> {
        let client = self.client().await?;
        let statement = client.prepare_cached(sql::USER_CREATE).await.map_err(Problem::database_unavailable)?;
        client.query_one(&statement, &[&user.name, &user.email]).await.map_err(|error| match error.code() {
            Some(&SqlState::UNIQUE_VIOLATION) => Problem::EMAIL_TAKEN,
            _ => Problem::database_unavailable(error),
        })
    }

    pub async fn lab_rows(&self, from_id: i64, count: i64, delay_ms: i64) -> Result<Vec<Row>, Problem> {
        let client = self.client().await?;
        let statement = lab_statement(&client).await?;
        client.query(&statement, &[&from_id, &count, &delay_ms]).await.map_err(Problem::database_unavailable)
    }

    /// So many users by a query each, pipelined over one connection.
    pub async fn lab_fan_out(&self, count: i64, delay_ms: i64) -> Result<Vec<Row>, Problem> {
        let client = self.client().await?;
        let statement = lab_statement(&client).await?;
        let (client, statement) = (&client, &statement);
        let answers = (1..=count).map(|id| async move { client.query(statement, &[&id, &1_i64, &delay_ms]).await });
        let answers = try_join_all(answers).await.map_err(Problem::database_unavailable)?;
        Ok(answers.into_iter().flatten().collect())
    }
}

async fn lab_statement(client: &Client) -> Result<Statement, Problem> {
    client.prepare_typed_cached(sql::LAB_ROWS, &[Type::INT8; 3]).await.map_err(Problem::database_unavailable)
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
