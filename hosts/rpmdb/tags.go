package rpmdb

// Tags of a header, from rpm's include/rpm/rpmtag.h. Those ending in Legacy are of packages built by rpm 3.
const (
	tagHeaderImmutable = 63

	tagSigPGP       = 259
	tagSigGPG       = 262
	tagDSAHeader    = 267
	tagRSAHeader    = 268
	tagSHA1Header   = 269
	tagSHA256Header = 273
	tagOpenPGP      = 278

	tagName        = 1000
	tagVersion     = 1001
	tagRelease     = 1002
	tagEpoch       = 1003
	tagSummary     = 1004
	tagDescription = 1005
	tagBuildTime   = 1006
	tagInstallTime = 1008
	tagSize        = 1009
	tagVendor      = 1011
	tagPackager    = 1015
	tagArch        = 1022

	tagFileNamesLegacy = 1027
	tagFileSizes       = 1028
	tagFileStates      = 1029
	tagFileModes       = 1030
	tagFileMTimes      = 1034
	tagFileDigests     = 1035
	tagFileLinkTos     = 1036
	tagFileFlags       = 1037
	tagFileUserName    = 1039
	tagFileGroupName   = 1040
	tagSourceRPM       = 1044
	tagFileVerifyFlags = 1045

	tagProvideName     = 1047
	tagRequireFlags    = 1048
	tagRequireName     = 1049
	tagRequireVersion  = 1050
	tagConflictFlags   = 1053
	tagConflictName    = 1054
	tagConflictVersion = 1055
	tagObsoleteName    = 1090
	tagProvideFlags    = 1112
	tagProvideVersion  = 1113
	tagObsoleteFlags   = 1114
	tagObsoleteVersion = 1115

	tagDirIndexes = 1116
	tagBaseNames  = 1117
	tagDirNames   = 1118

	tagLongFileSizes   = 5008
	tagLongSize        = 5009
	tagFileCaps        = 5010
	tagFileDigestAlgo  = 5011
	tagRecommendName   = 5046
	tagRecommendVer    = 5047
	tagRecommendFlags  = 5048
	tagModularityLabel = 5096
)

// Types of a tag's data, rpmTagType_e.
const (
	typeChar        = 1
	typeInt8        = 2
	typeInt16       = 3
	typeInt32       = 4
	typeInt64       = 5
	typeString      = 6
	typeBin         = 7
	typeStringArray = 8
	typeI18NString  = 9
)
