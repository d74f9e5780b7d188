# shellcheck shell=bash
# Twelve virtual hosts: www in ssl.conf, nine more on 443, two inside the house
# on 8080. Port 80 only sends people to https.
source ../common/functions.sh

edit /etc/httpd/conf/httpd.conf \
  's/^ServerAdmin .*/ServerAdmin webmaster@rio.example/' \
  's/^#ServerName .*/ServerName www.rio.example:80/' \
  '/^Listen 80$/a\
\
RewriteEngine on\
RewriteCond %{HTTPS} off\
RewriteRule ^(.*)$ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]'
edit /etc/httpd/conf.d/ssl.conf \
  's/^<VirtualHost _default_:443>/<VirtualHost *:443>/' \
  's|^#DocumentRoot .*|DocumentRoot "/var/www/html"|' \
  's/^#ServerName .*/ServerName www.rio.example:443/' \
  's|^SSLCertificateFile .*|SSLCertificateFile /etc/pki/tls/certs/rio.example.crt|' \
  's|^SSLCertificateKeyFile .*|SSLCertificateKeyFile /etc/pki/tls/private/rio.example.key|'
edit /etc/httpd/conf.modules.d/00-mpm.conf \
  's/^LoadModule (mpm_[a-z]+_module .*)/#LoadModule \1/' \
  's/^#(LoadModule mpm_worker_module .*)/\1/'
lay etc/httpd etc/php-fpm.d var/www srv

# The pool the package brings, and remi's second php.
edit /etc/php-fpm.d/www.conf 's/^pm.max_children = .*/pm.max_children = 4/' 's/^pm.start_servers = .*/pm.start_servers = 1/' \
  's/^pm.min_spare_servers = .*/pm.min_spare_servers = 1/' 's/^pm.max_spare_servers = .*/pm.max_spare_servers = 2/'
edit /etc/php.ini 's/^;?date.timezone =.*/date.timezone = Asia\/Tokyo/' 's/^expose_php = .*/expose_php = Off/'
edit /etc/opt/remi/php74/php-fpm.d/www.conf 's/^pm = .*/pm = ondemand/' 's/^pm.max_children = .*/pm.max_children = 12/' \
  '$a env[RIO_POOL] = php74-php-fpm\
php_admin_value[memory_limit] = 256M'
edit /etc/opt/remi/php74/php.ini 's/^;?date.timezone =.*/date.timezone = Asia\/Tokyo/' 's/^post_max_size = .*/post_max_size = 64M/'

# What the applications' installers wrote: with their database passwords.
put /var/www/owncloud/config/config.php 640 root:apache <<'END'
<?php
$CONFIG = array (
  'trusted_domains' => array ('cloud.rio.example'),
  'datadirectory' => '/var/www/owncloud/data',
  'dbtype' => 'mysql',
  'dbname' => 'owncloud',
  'dbhost' => 'localhost',
  'dbuser' => 'owncloud',
  'dbpassword' => 'kumo-no-naka-7',
  'secret' => 'Zm9yIHRlc3RzIG9ubHk',
);
END
put /var/www/blog/wp-config.php 640 root:apache <<'END'
<?php
define('DB_NAME', 'wordpress');
define('DB_USER', 'wordpress');
define('DB_PASSWORD', 'nikki-o-kaku-8');
define('DB_HOST', 'localhost');
$table_prefix = 'wp_';
END
install -d -m 770 -o apache -g apache /var/www/owncloud/data
install -d -o apache -g apache /var/www/blog/wp-content
put /var/www/blog/wp-content/index.php 644 apache:apache <<<'<?php // Silence is golden.'
install -d /var/www/empty

# A password file for the status pages, unreadable to others.
put /etc/httpd/conf/rio.htpasswd 640 root:apache <<<"taro:$(openssl passwd -apr1 -salt riorio12 taro-no-himitsu)"

httpd -t
systemctl enable -q --now php-fpm php74-php-fpm httpd plexmediaserver
systemctl enable -q --now cockpit.socket 2>/dev/null || systemctl enable -q --now cockpit
