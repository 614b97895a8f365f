//! What the command line asks for.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command as Parser, Error};

/// What the executable is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Listen and serve.
    Serve,
    /// Print the effective configuration.
    Config {
        /// As JSON rather than as a table.
        json: bool,
    },
}

/// What an exit code says; a service manager or a script goes by it.
const EXIT_CODES: &str = "\
Settings are environment variables: `boardcast config` lists them.

Exit codes:
  0    what was asked for is done; a server was told to stop
  1    boardcast cannot start or go on; standard error says why
  2    the command line is not understood
  200  a server under the Functions host was told to stop: the host starts it again";

fn parser() -> Parser {
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON instead of a table");
    Parser::new(env!("CARGO_PKG_NAME"))
        .version(env!("CARGO_PKG_VERSION"))
        .about("A live Azure DevOps sprint board. Without a command it serves")
        .after_help(EXIT_CODES)
        .subcommand(Parser::new("serve").about("Listen and serve; the same as no command"))
        .subcommand(
            Parser::new("config")
                .about("Print every setting with the value that is in force and where it comes from; secrets are not shown")
                .arg(json),
        )
}

impl Command {
    /// Reads the command line, the name of the executable first.
    ///
    /// Errors: it is not understood, or asks for help or the version; the error is what to print, and knows its exit
    /// code.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Error> {
        let matches = parser().try_get_matches_from(arguments)?;
        Ok(match matches.subcommand() {
            Some(("config", given)) => Self::Config { json: given.get_flag("json") },
            _ => Self::Serve,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Command, Error> {
        Command::parse(["boardcast"].iter().chain(arguments).map(OsString::from))
    }

    #[test]
    fn without_a_command_it_serves() {
        parser().debug_assert();
        assert_eq!(parse(&[]).unwrap(), Command::Serve);
        assert_eq!(parse(&["serve"]).unwrap(), Command::Serve);
        assert_eq!(parse(&["config"]).unwrap(), Command::Config { json: false });
        assert_eq!(parse(&["config", "--json"]).unwrap(), Command::Config { json: true });
    }

    #[test]
    fn what_is_not_understood_is_an_error_of_use() {
        for arguments in [&["--prot", "7072"][..], &["sevre"], &["config", "extra"], &["serve", "--json"]] {
            let error = parse(arguments).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
        }
        assert!(parse(&["confg"]).unwrap_err().to_string().contains("'config'"), "the nearest is named");
    }

    #[test]
    fn help_and_version_are_answers() {
        for (argument, kind) in [
            ("--help", ErrorKind::DisplayHelp),
            ("-h", ErrorKind::DisplayHelp),
            ("help", ErrorKind::DisplayHelp),
            ("--version", ErrorKind::DisplayVersion),
            ("-V", ErrorKind::DisplayVersion),
        ] {
            let answer = parse(&[argument]).unwrap_err();
            assert_eq!((answer.kind(), answer.exit_code()), (kind, 0), "{argument}");
        }
        let help = parse(&["--help"]).unwrap_err().to_string();
        for part in ["serve", "config", "Exit codes", "200", "environment variables"] {
            assert!(help.contains(part), "{part}: {help}");
        }
        let version = parse(&["--version"]).unwrap_err().to_string();
        assert_eq!(version.trim(), format!("boardcast {}", env!("CARGO_PKG_VERSION")));
    }
}
