//! A database as one login sees it.

use std::time::Duration;

use anyhow::{Context, Result};
use postgres::{Client, Config, NoTls};

/// Who connects where, not yet to which database.
#[derive(Clone, Debug)]
pub struct Login {
    port: u16,
    user: String,
    password: String,
}

/// One database, as one login.
#[derive(Clone, Debug)]
pub struct Database {
    login: Login,
    name: String,
}

impl Login {
    pub(super) fn new(port: u16, user: &str, password: &str) -> Self {
        Self {
            port,
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    /// That database, as this login.
    #[must_use]
    pub fn database(&self, name: &str) -> Database {
        Database {
            login: self.clone(),
            name: name.to_owned(),
        }
    }
}

impl Database {
    /// The same database as another login.
    #[must_use]
    pub fn login(&self, user: &str, password: &str) -> Self {
        Login::new(self.login.port, user, password).database(&self.name)
    }

    /// Another database of the cluster, as the same login.
    #[must_use]
    pub fn sibling(&self, name: &str) -> Self {
        self.login.database(name)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Connects; the settings of the login apply.
    pub fn connect(&self) -> Result<Client> {
        let mut config = Config::new();
        config
            .host("127.0.0.1")
            .port(self.login.port)
            .user(&self.login.user)
            .password(&self.login.password)
            .dbname(&self.name)
            .connect_timeout(Duration::from_secs(5));
        config
            .connect(NoTls)
            .with_context(|| format!("cannot connect to {} as {}", self.name, self.login.user))
    }

    /// With user and password, for `psql` and stack.json.
    #[must_use]
    pub fn url(&self) -> String {
        let Login {
            port,
            user,
            password,
        } = &self.login;
        format!(
            "postgresql://{user}:{password}@127.0.0.1:{port}/{}?sslmode=disable",
            self.name
        )
    }

    /// Without user and password: the form of the functions' `DATABASE_URL`.
    #[must_use]
    pub fn public_url(&self) -> String {
        format!(
            "postgresql://127.0.0.1:{}/{}?sslmode=disable",
            self.login.port, self.name
        )
    }
}
