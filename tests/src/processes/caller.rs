//! The typed client, from a test that is not asynchronous itself.

use scrip_client::{
    Client, ClientOptions, Error, Line, Operation, OperationShown, Reserve, Reserved, StockCreate, StockId,
    StockShown, Token,
};
use std::net::SocketAddr;
use tokio::runtime::{Builder, Runtime};

/// A client and what drives it.
#[derive(Debug)]
pub struct Caller {
    runtime: Runtime,
    /// The client.
    pub client: Client,
}

impl Caller {
    /// Connects.
    ///
    /// # Panics
    /// If the server does not welcome it.
    pub fn connect(address: SocketAddr, token: &Token) -> Caller {
        Caller::try_connect(address, ClientOptions::new(token.clone()))
            .unwrap_or_else(|error| panic!("connecting to {address}: {error}"))
    }

    /// Connects with these options.
    ///
    /// # Errors
    /// Why not.
    ///
    /// # Panics
    /// If there is no runtime to be had.
    pub fn try_connect(address: SocketAddr, options: ClientOptions) -> Result<Caller, Error> {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client = runtime.block_on(Client::connect(address.to_string(), options))?;
        Ok(Caller { runtime, client })
    }

    /// Waits for a call.
    pub fn wait<T>(&self, call: impl Future<Output = T>) -> T {
        self.runtime.block_on(call)
    }

    /// Makes a stock that is always on sale.
    ///
    /// # Panics
    /// If it is refused.
    pub fn create(&self, name: &str, units: u64) -> StockId {
        let stock = self.client.stock_id(name).expect("a name");
        let create = StockCreate::new(self.client.operation(), stock, name, units);
        self.wait(self.client.stock_create(create)).expect("a new stock");
        stock
    }

    /// Shows a stock.
    ///
    /// # Panics
    /// If it is refused.
    pub fn show(&self, stock: StockId) -> StockShown {
        self.wait(self.client.stock_show(stock)).expect("a known stock")
    }

    /// Reserves one unit under this operation.
    ///
    /// # Errors
    /// What the client says.
    pub fn reserve(&self, operation: Operation, stock: StockId) -> Result<Reserved, Error> {
        self.wait(self.client.reserve(Reserve::new(operation, vec![Line::new(stock, 1)])))
    }

    /// Shows an operation.
    ///
    /// # Errors
    /// What the client says.
    pub fn operation(&self, operation: Operation, stock: StockId) -> Result<OperationShown, Error> {
        self.wait(self.client.operation_show(operation, stock.slot()))
    }
}
