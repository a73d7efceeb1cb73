//! `scrip stock`: create, show and supply stocks of a running server.

use crate::cli::StockCommand;
use crate::credentials::{self, Credentials, CredentialsError};
use scrip_client::{Client, ClientOptions, Error, StockCreate, StockShown, StockTerms, StockUnits};

/// Why a command on a stock failed.
#[derive(Debug, thiserror::Error)]
pub enum StockError {
    /// No credentials.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The server could not be asked.
    #[error("server {server}: {source}{hint}")]
    Client {
        /// Its address.
        server: std::net::SocketAddr,
        /// What went wrong.
        source: Box<Error>,
        /// What to try next.
        hint: &'static str,
    },
    /// The runtime.
    #[error("starting the runtime: {0}")]
    Runtime(#[from] std::io::Error),
}

/// Runs a command.
///
/// # Errors
/// [`StockError`], with what to try next.
pub fn run(command: StockCommand) -> Result<(), StockError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (StockCommand::Create { server, .. }
    | StockCommand::Show { server, .. }
    | StockCommand::Supply { server, .. }) = &command;
    let credentials = credentials::find(server)?;
    runtime.block_on(ask(&credentials, &command)).map_err(|source| StockError::Client {
        server: credentials.server,
        hint: hint(&source),
        source: Box::new(source),
    })
}

async fn ask(credentials: &Credentials, command: &StockCommand) -> Result<(), Error> {
    let options = ClientOptions::new(credentials.token.clone());
    let client = Client::connect(credentials.server.to_string(), options).await?;
    match command {
        StockCommand::Create { name, units, keys, limit_per_user, opens_ms, closes_ms, .. } => {
            let stock = client.stock_id(name)?;
            let terms = StockTerms {
                opens_ms: *opens_ms,
                closes_ms: *closes_ms,
                limit_per_user: *limit_per_user,
                frozen: false,
            };
            let create = StockCreate {
                terms,
                keys: *keys,
                ..StockCreate::new(client.operation(), stock, name, *units)
            };
            client.stock_create(create).await?;
            print_stock(&client.stock_show(stock).await?);
        }
        StockCommand::Show { name, .. } => print_stock(&client.stock_show(client.stock_id(name)?).await?),
        StockCommand::Supply { name, units, .. } => {
            let stock = client.stock_id(name)?;
            client.stock_supply(StockUnits { operation: client.operation(), stock, units: *units }).await?;
            print_stock(&client.stock_show(stock).await?);
        }
    }
    client.close().await;
    Ok(())
}

fn hint(error: &Error) -> &'static str {
    use scrip_client::Code;
    match error {
        Error::Rejected(rejection) => match rejection.code {
            Code::NotFound => ". `scrip stock create NAME --units N` makes it",
            Code::RuleFailed => {
                ". A stock of this name exists: `scrip stock show NAME`, `scrip stock supply NAME N`"
            }
            Code::Forbidden => {
                ". `scrip token create --merchant N --verb stock --verb read` makes a token that may"
            }
            _ => "",
        },
        Error::Unauthorized(_) => ". `scrip token create --merchant 1 --data DIR` makes a token",
        Error::Malformed(_) | Error::Reference(_) => "",
        Error::Io(_) => ". Is `scrip serve` running there?",
        _ => "",
    }
}

fn print_stock(stock: &StockShown) {
    println!("stock      {} ({})", stock.name, stock.stock);
    println!("total      {:>16}", stock.total);
    println!("available  {:>16}", stock.available);
    println!("held       {:>16}", stock.held);
    println!("sold       {:>16}", stock.consumed);
    println!("frozen     {:>16}  (and {} held units when they come back)", stock.frozen, stock.marked_frozen);
    println!("void       {:>16}  (and {} held units when they come back)", stock.void, stock.marked_void);
    let StockTerms { opens_ms, closes_ms, limit_per_user, frozen } = stock.terms;
    let limit = if limit_per_user == 0 { "none".to_owned() } else { limit_per_user.to_string() };
    println!("limit per user {limit}, opens {opens_ms} ms, closes {closes_ms} ms, sale frozen: {frozen}");
    println!("version    {:>16}", stock.version);
}
