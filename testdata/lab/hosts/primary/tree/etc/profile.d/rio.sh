# for everybody
export EDITOR=vi
alias ll="ls -l --color=auto"
