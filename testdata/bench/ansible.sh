# shellcheck shell=bash
# Ansible at its best: pipelining, connections that are kept open between runs,
# no facts; and the same through mitogen.

ansible_run() { # ansible_run PLAYBOOK SIDE
  local ssh="-F $HIKAE_SSH_CONFIG -o ControlMaster=auto -o ControlPersist=120s -o ControlPath=$work/cm-%C"
  ANSIBLE_CONFIG=testdata/bench/ansible/ansible.cfg ANSIBLE_SSH_ARGS=$ssh ansible-playbook -i primary, \
    -e '{"work": "'"$work"'", "tree": "'$TREE'", "side": "'"$2"'", "ssh_args": "'"$ssh"'"}' "testdata/bench/ansible/$1.yml"
}
mitogen_run() {
  ANSIBLE_STRATEGY_PLUGINS=$mitogen/plugins/strategy ANSIBLE_STRATEGY=mitogen_linear ansible_run "$@"
}

# find_mitogen says where the strategy plugins are.
find_mitogen() { mitogen=$(/usr/bin/python3 -c 'import ansible_mitogen, os; print(os.path.dirname(ansible_mitogen.__file__))'); }
