//! What the command line asks for.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command as Parser, Error};

use crate::domain::scope::NameOrId;

/// What the executable is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Listen and serve.
    Serve,
    /// Print the effective configuration.
    Config {
        /// As JSON rather than as a table.
        json: bool,
    },
    /// Look after the subscriptions of service hooks.
    Hooks(HooksCommand),
    /// Find out what is amiss.
    Doctor(DoctorCommand),
}

/// How it is found out what is amiss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoctorCommand {
    /// As JSON rather than as a table.
    pub json: bool,
    /// Where the app is, where its settings do not say it.
    pub url: Option<String>,
}

/// What is to be done with the subscriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HooksCommand {
    /// What.
    pub action: HooksAction,
    /// As JSON rather than as a table.
    pub json: bool,
    /// Whether subscriptions may come to belong to a person.
    pub as_person: bool,
    /// The projects that it is about, by name or GUID; none means all that are served.
    pub projects: Vec<NameOrId>,
}

/// What can be done with subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HooksAction {
    /// Make those that are missing.
    Install,
    /// Tell how they do.
    Status,
    /// Have each be as it should be, and remove those that are superfluous.
    Repair,
    /// Remove them.
    Remove,
    /// Move them to a new secret or function key.
    Rotate,
}

impl HooksAction {
    /// Every action with its name and what is said of it.
    const ALL: [(Self, &str, &str); 5] = [
        (Self::Install, "install", "Make the subscriptions that are missing, and correct those that differ"),
        (
            Self::Status,
            "status",
            "Print each subscription: its status, last delivery and what is wrong with it",
        ),
        (
            Self::Repair,
            "repair",
            "As install; and remove duplicates and those of projects that are not served",
        ),
        (Self::Remove, "remove", "Remove the subscriptions that lead to this deployment"),
        (
            Self::Rotate,
            "rotate",
            "Move the subscriptions to the secret and the function key that are set, once the app takes them",
        ),
    ];

    /// Whether subscriptions may be made or written by it, and so come to belong to whoever does.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Install | Self::Repair | Self::Rotate)
    }
}

/// What an exit code says; a service manager or a script goes by it.
const EXIT_CODES: &str = "\
Settings are environment variables: `boardcast config` lists them.

Exit codes:
  0    what was asked for is done; a server was told to stop
  1    boardcast cannot start or go on; standard error says why
  2    the command line is not understood
  3    something is not as it should be: `hooks` or `doctor` names it
  4    `hooks` refused: a personal token, or the app does not take the secret; nothing was changed
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
                .arg(json.clone()),
        )
        .subcommand(hooks(&json))
        .subcommand(
            Parser::new("doctor")
                .about("Find out what is amiss with the app, and how to mend it; needs BOARDCAST_OPERATOR_KEY")
                .arg(json)
                .arg(Arg::new("url").long("url").value_name("URL").help("The app's address, if not BOARDCAST_PUBLIC_URL")),
        )
}

/// Reads what `--project` names. A blank, as of a variable that is not set, must not be taken for no project at all, which
/// means all of them.
fn project(text: &str) -> Result<NameOrId, &'static str> {
    NameOrId::parse(text).ok_or(
        "it is blank; give the name or GUID of a project, or leave --project out for all that are served",
    )
}

fn hooks(json: &Arg) -> Parser {
    let project = Arg::new("project")
        .long("project")
        .value_name("NAME")
        .action(ArgAction::Append)
        .value_parser(project as fn(&str) -> _);
    let as_person = Arg::new("as-person").long("as-person").action(ArgAction::SetTrue);
    let action = |(action, name, about): (HooksAction, &'static str, &'static str)| {
        let parser = Parser::new(name)
            .about(about)
            .arg(json.clone())
            .arg(project.clone().help("Only this project, by name or GUID; may be repeated"));
        let help = "Also with a person's token, to whom the subscriptions then belong";
        if action.writes() { parser.arg(as_person.clone().help(help)) } else { parser }
    };
    Parser::new("hooks")
        .about("Look after the service hook subscriptions that lead to BOARDCAST_PUBLIC_URL")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(HooksAction::ALL.map(action))
}

fn hooks_command(given: &ArgMatches) -> Option<HooksCommand> {
    let (name, given) = given.subcommand()?;
    let (action, ..) = HooksAction::ALL.into_iter().find(|(_, known, _)| *known == name)?;
    Some(HooksCommand {
        action,
        json: given.get_flag("json"),
        as_person: action.writes() && given.get_flag("as-person"),
        projects: given.get_many::<NameOrId>("project").into_iter().flatten().cloned().collect(),
    })
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
            Some(("doctor", given)) => Self::Doctor(DoctorCommand {
                json: given.get_flag("json"),
                url: given.get_one("url").cloned(),
            }),
            Some(("hooks", given)) => hooks_command(given).map_or(Self::Serve, Self::Hooks),
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
    fn each_action_on_subscriptions_is_understood() {
        for (action, name, _) in HooksAction::ALL {
            let (json, as_person, projects) = (false, false, Vec::new());
            let plain = HooksCommand { action, json, as_person, projects };
            assert_eq!(parse(&["hooks", name]).unwrap(), Command::Hooks(plain.clone()));
            let projects = ["Website", "Shop"].iter().filter_map(|name| NameOrId::parse(name)).collect();
            let all = ["hooks", name, "--json", "--project", "Website", "--project", "Shop"];
            assert_eq!(parse(&all).unwrap(), Command::Hooks(HooksCommand { json: true, projects, ..plain }));
            let person = parse(&["hooks", name, "--as-person"]);
            assert_eq!(person.is_ok(), action.writes(), "{name}");
        }
    }

    #[test]
    fn the_doctor_is_told_where_the_app_is() {
        assert_eq!(parse(&["doctor"]).unwrap(), Command::Doctor(DoctorCommand { json: false, url: None }));
        let url = Some("https://boards.example".to_owned());
        let given = parse(&["doctor", "--json", "--url", "https://boards.example"]).unwrap();
        assert_eq!(given, Command::Doctor(DoctorCommand { json: true, url }));
    }

    #[test]
    fn what_is_not_understood_is_an_error_of_use() {
        for arguments in [
            &["--prot", "7072"][..],
            &["sevre"],
            &["config", "extra"],
            &["serve", "--json"],
            &["hooks"],
            &["hooks", "instal"],
            &["hooks", "remove", "--project", ""],
            &["hooks", "remove", "--project", " "],
            &["hooks", "remove", "--project", "Website", "--project="],
        ] {
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
