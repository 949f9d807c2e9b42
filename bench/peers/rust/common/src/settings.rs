use std::{env, error::Error};

/// What a peer is told, by environment variables.
pub struct Settings {
    pub port: u16,
    pub database_url: String,
    pub database_connections: usize,
}

impl Settings {
    pub fn from_env() -> Result<Settings, Box<dyn Error>> {
        let get = |name| env::var(name).map_err(|error| format!("{name}: {error}"));
        let database_connections = get("DB_CONNECTIONS")?.parse()?;
        if database_connections == 0 {
            return Err("DB_CONNECTIONS: must not be 0".into());
        }
        Ok(Settings { port: get("PORT")?.parse()?, database_url: get("DATABASE_URL")?, database_connections })
    }
}
