//! The manual pages, made from the command line itself.

use super::print;
use crate::cli::Cli;
use anyhow::Context;
use clap::CommandFactory;

/// What the command line cannot tell of itself.
const MORE: &[u8] = br#".SH "EXIT STATUS"
.IP 0
Every expectation held, or there was nothing to judge but the command itself.
.IP 1
A run without a panel: an expectation failed. Calibration: something did not hold.
.IP 2
A run without a panel: nothing can be said, for too little was judged.
Calibration: the machine is too busy to tell.
.IP 3
The command line or a topology file is wrong, or there is no terminal.
.IP "128 + n"
Signal n ended it.
.SH FILES
.I faultlab paths
prints them. Configuration, results and the log are in folders of their own below
$XDG_CONFIG_HOME, $XDG_DATA_HOME and $XDG_STATE_HOME; never in the working directory.
.SH ENVIRONMENT
.IP NO_COLOR
The panel is drawn without colours.
.IP FAULTLAB_LOG
How much the log says: error, warn, info (as usual), debug or trace.
.SH "SEE ALSO"
faultlab man COMMAND prints the page of one command.
"#;

/// `faultlab man`: the page of the program, or of one of its commands, for `man -l -`.
///
/// # Errors
/// There is no such command; standard output is gone.
pub fn page(of: Option<&str>) -> anyhow::Result<u8> {
    let mut command = Cli::command();
    // Fills in what commands take over from the program, names included.
    command.build();
    let wanted = match of {
        None => command,
        Some(name) => {
            let known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
            let wrong = || format!("there is no command `{name}`, but {}", known.join(", "));
            command.find_subcommand(name).with_context(wrong)?.clone()
        }
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(wanted).render(&mut page)?;
    if of.is_none() {
        page.extend_from_slice(MORE);
    }
    print(&String::from_utf8_lossy(&page))
}
