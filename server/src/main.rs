//! The binary `scrip`: one server, one toolbox. See README.md.
//!
//! In reading order: the command line, settings, the data directory and its tokens; `serve`, the server; `tools` on a
//! directory at rest; `operator` and `keys`, clients by hand; `runs`, whole runs of server and load that are checked
//! afterwards.

mod cli;
mod credentials;
mod data_directory;
mod facts;
mod hex;
mod keyring;
mod keys;
mod operator;
mod pages;
mod person_keys;
mod report;
mod runs;
mod serve;
mod settings;
mod token_commands;
mod tokens;
mod tools;

use clap::Parser;
use cli::{Cli, CodeCommand, Command, DemoCommand, LogCommand, PersonCommand, ServeArgs};
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    end_quietly_at_a_closed_pipe();
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("scrip: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A reader such as `head` may have seen enough: that is no panic.
fn end_quietly_at_a_closed_pipe() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let message = info.payload_as_str().unwrap_or_default();
        if message.starts_with("failed printing to stdout") && message.contains("Broken pipe") {
            std::process::exit(0);
        }
        default(info);
    }));
}

fn run(command: Command) -> Result<ExitCode, Box<dyn Error>> {
    match command {
        Command::Demo(arguments) => {
            return Ok(exit_code(match &arguments.which {
                Some(DemoCommand::Keys(keys)) => runs::demo_keys::run(keys)?,
                None => runs::demo::run(&arguments)?,
            }));
        }
        Command::Load(arguments) => return Ok(exit_code(runs::load::run(&arguments)?)),
        Command::Bench(arguments) => return Ok(exit_code(runs::bench::run(&arguments)?)),
        Command::Serve(arguments) => serve(&arguments)?,
        Command::Verify(arguments) => {
            let verified = tools::verify::verify(&arguments.data, arguments.json)?;
            if arguments.json {
                verified.report.print_json();
            } else {
                tools::verify::print(&arguments.data, &verified);
            }
            return Ok(exit_code(verified.report.passed()));
        }
        Command::Report(arguments) => tools::report::run(&arguments)?,
        Command::Repair { data } => tools::repair::run(&data)?,
        Command::Log(LogCommand::Cat { data, from, limit }) => {
            tools::log_cat::run(&data, tools::log_cat::Range { from, limit })?;
        }
        Command::Log(LogCommand::Card { data, card }) => tools::log_cat::card(&data, card)?,
        Command::Stock(command) => operator::stock(&command)?,
        Command::Risk(command) => operator::risk(&command)?,
        Command::Merchant(command) => operator::merchant(&command)?,
        Command::Person(PersonCommand::Export(arguments)) => tools::person::export(&arguments)?,
        Command::Person(command) => operator::person(&command)?,
        Command::Sell(arguments) => operator::sell(&arguments)?,
        Command::Reserve(arguments) => operator::reserve(&arguments)?,
        Command::Confirm(arguments) => operator::confirm(&arguments)?,
        Command::Release(arguments) => operator::release(&arguments)?,
        Command::Return(arguments) => operator::return_units(&arguments)?,
        Command::Cancel(arguments) => operator::cancel(&arguments)?,
        Command::Owed(command) => operator::owed(&command)?,
        Command::Hold(command) => operator::hold(&command)?,
        Command::Order(command) => operator::order(&command)?,
        Command::Campaign(command) => operator::campaign(&command)?,
        Command::Card(command) => operator::card(&command)?,
        Command::Wallet(arguments) => operator::wallet(&arguments)?,
        Command::Group(command) => operator::group(&command)?,
        Command::Activity(command) => operator::activity(&command)?,
        Command::Quote(arguments) => operator::quote(&arguments)?,
        Command::Code(CodeCommand::Import(arguments)) => {
            return Ok(exit_code(keys::import_codes(&arguments)?));
        }
        Command::Code(command) => operator::code(&command)?,
        Command::Top(arguments) => operator::top(&arguments)?,
        Command::Import(command) => return Ok(exit_code(keys::import(&command)?)),
        Command::Keys(command) => return Ok(exit_code(keys::run(&command)?)),
        Command::Token(command) => token_commands::run(command)?,
        Command::Completions { shell } => pages::completions(shell)?,
        Command::Man { out } => pages::man(out.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn exit_code(passed: bool) -> ExitCode {
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn serve(arguments: &ServeArgs) -> Result<(), Box<dyn Error>> {
    start_logging(arguments.log_json);
    // A bug must not leave a half-working server behind: it ends the process, and the log brings the truth back.
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        default(info);
        std::process::abort();
    }));
    let settings = settings::Settings::load(arguments.config.clone(), &arguments.settings)?;
    let mut left = Ok(None);
    serve::serve(&settings, arguments.stop_on_eof, |ready| {
        if arguments.dev {
            left = credentials::leave(&settings.data, ready.listen, ready.http).map(Some);
        }
        let token = match &left {
            Ok(Some(token)) => format!(" token={token}"),
            Ok(None) => String::new(),
            Err(error) => format!(" token=none ({error})"),
        };
        println!(
            "scrip ready: listen={} http={} driver={} ({}) shards={} data={}{token}",
            ready.listen,
            ready.http,
            ready.driver,
            ready.why,
            ready.shards,
            settings.data.display(),
        );
        // Whoever started this may have closed its end.
        let _ = std::io::stdout().flush();
    })?;
    Ok(())
}

fn start_logging(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("SCRIP_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        subscriber.json().init();
    } else {
        subscriber.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).with_target(false).init();
    }
}
