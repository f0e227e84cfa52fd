//! evmbench's chain beside other EVMs. anvil and forge are installed from npm where they are not there yet.

mod common;

use evmbench::home::Home;
use evmbench::nodes::{FOUNDRY_VERSION, Foundry};

#[test]
fn installing_twice_leaves_the_first_installation() {
    let folder = Home::from_environment().unwrap().foundry(FOUNDRY_VERSION);
    let first = Foundry::obtain(&folder).unwrap();
    assert_eq!(Foundry::obtain(&folder).unwrap(), first);
    assert_eq!(Foundry::locate(&folder).unwrap(), first);
}
