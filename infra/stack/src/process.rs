//! Child processes that do not outlive us.

use std::path::Path;

use tokio::process::Command;

/// A command whose process ends with ours. Its own process group keeps a terminal's Ctrl-C from it, so that we stop
/// it in order; `setpriv` (util-linux) asks the kernel to kill it if we are killed ourselves.
pub(crate) fn command(binary: &Path) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    let mut command = if setpriv.exists() {
        let mut command = Command::new(setpriv);
        command.args(["--pdeathsig", "KILL", "--"]).arg(binary);
        command
    } else {
        Command::new(binary)
    };
    command.process_group(0).kill_on_drop(true);
    command
}
