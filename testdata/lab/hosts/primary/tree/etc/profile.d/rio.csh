setenv EDITOR vi
