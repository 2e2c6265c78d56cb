"""The surface drawn around voxels by marching cubes, told from how often each kind of cell occurs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from data_catalog.geometry import Triple

TRIANGLES = (
    "cia kea cieeik goc goaaoi caoakoegoeok goeokeoik qge gcqciqaeqaqi qgkkga cigiqgikq eqccqo eqaqiaqoi akckockqo "
    "qikoiq ius acsscu skukeuaiuaue keseusecu ougusgicgigs usosgosag ouisiuiskikaeakaecgcecgocoi ousoskgokegk qgeusi "
    "aesqsesquguqugc aigugiguqsquqsk kqgukgcugsku eiciesqsesquouq qoeosesaesou icausokosokq ouskosqok swk "
    "iscswckackcw swaawe swiwciwec swkocg gkakgwowgwosiso egwowgwoscsosca wegiwgoigwis wqsqgseksesg "
    "iskwkskwqkqegeqegacagaciaik qgwgswgas wqgwgcswcisc ekcsckcsowosowq kaeswiqiwiqo aswoawqowcao iswqiwoiq iukkuw "
    "ackcwkcuw iuaueauwe cweuwc wouowgkgwgkcick uwkgukagkoug caigoeueoeuw egoueoweu wquguqugieigiek kaecqgqcwuwc "
    "gaiwgiuwigwq wqgcwguwc wquouqiekeic wmumkuaukuaoeoaoemmqowqmmek wmuwimiwaqawaqcmcqqommouicm wqowou oyu "
    "uiyiaycoycya keayuo coeyeoeykukykui cguugy iauayuagy caukuaukyeykyeg gyeyieikeyui ogugeuqyuque "
    "qyouoyouioicacicagegageqgqo aogoaukuaukyqyk ogcyuqiquqik yuquequce yuqqueuieiae ucaquakqauqy qyuiqukqi siyyio "
    "oycyacysa skyeykyeoaoeoai yskcykeckyco cgigsigys gsagys icagkekgsysg skegseysg sqyqseieseigogi gcoeqayaqays "
    "oaiaogskyqyk smysomosckcsckgmgkkqmmqyogm ceieyiysieqy aeqyaqsay smymiycyiycqaqcqammkqskmmai skqsqy ywowkosuosok "
    "icociakaiskikswuwswuyoyuiou eywyeoaoeoausua isuwoyowcecw csusckgkckgwywg suiwkyaykyag egwywgscacsu "
    "ymgmugigugieseiesmmweywmmsu qekeqgogqyoqoyuwuyuwskswqkw isugcokaeqyw ywquosgsosga gcosuiywq qywukskueceu "
    "aekywqsui smamwaqawaqcycqcymmucsummyw wqysui wkykoykio oyccyaywawka ioaowaweaoyw coywcyecw kiwigwgywgic "
    "ywkaykgya ymgycmcyiwiyiwamawwemmegcam yweyeg ywqkgegkoiok qywogckae amgaqmqawiwawiymyiiommogqym gcoqyw "
    "emcmqcycqcyiwiyiwmmkiekmmwq kaewqy aicwqy ywq wyq ciayqw qeyeayyakwyk cqeqcyiycyiwkwi yowocwgqwgwc "
    "gqawaqawiyiwiyo kwqyqwqyoqogcgogceaeceakekq qegwykokykoi wyeeyg gcyiycyiwawiwae wykyakyga ikwgiwygwigc ocycwycew "
    "oiawoaewayow yocycawyakwa kwyokyiko uyiyqiwsiwiq awswaqcqaqcyuyc kaiakeqekwqkqwysywysuiuskis wskyqueuquec "
    "ogqgocicouioiusysusywqwyoqy ouysqwqsgags ouyegqicakws egquyowsk guyugieigieswse ugcguyaeswse kwsyiuiyagay "
    "umcmsckcsckgwgkgwmmyguymmws uyosiwcwiwce wmemyeoeyeoauaoaummsawsmmuy caiwskuyo skwuyo ksqqsy yisiycqcycqakaq "
    "eaqayqasy eciyeisyiqey yoscsosckgkckgq kaqgqayisiyo qegaocoaysya ymsmqsesqseigieigmmoiyommgq ksesgesyg "
    "aekcigsgigsy sgaygs gcisgiygs sykyckcekcyo ymsykmkyeoeyeoamaooimmiskam yocaycsya isyiyo yquqiuqki cuauqaqkaquy "
    "uyquqeiueaie uyqeuqcue uyoqcgcqikiq gmamoauaoaukykukymmqkgqmmyo ouyicaqeg qegyou ygeiyekieuyi "
    "umcuamaukykukyemeyygmmgcaem aiuyaugay gcuguy emceomoeykyeykumukkimmicoum aekouy caiouy you qwoowu "
    "uiwawiwaqcqaqco ukwkuaoauaoeqeo ukwkuiqeocoe qwgwcgwuc agigwiwuiwgq egqakcwckcwu umwuqmqugigugiemeiikmmkwqem "
    "geoeuoewu ogceiaieuwue wukugkgakuog umwmowgwowgkckgkcmmikuimmco wcewuc uiaeuawue cakwckucw uikukw siwiqwioq "
    "sawaowoqwaco wskieaeiqoqi cmeckmkcsoscsowmwooqmmqekwm qwggwcwscsic gqwsgwags kwsqegica egqkws ewgwigiogiws "
    "wmewgmgwosowoscmcssammaegcm amgmkgwgkgwosowosmmioaimmsk kwsgco wsicwiewc wsawae kwsaic wsk uosoksoqk "
    "suioacaokqko oqesoeaseosu cmemieseiesquqsqummoqcommui qkgkugucgksu gmagimiguquguqsmsqqkmmkaism "
    "smasemesquqsqugmguucmmcaegm egqisu uossokogkgek isukaeogc suogsoasg isucog eksuesceu aekisu cascsu uis iqkioq "
    "kacokcqko qeaiqaoqi qecqco icgqigkiq gqkgka aicegq gqe ogekoeiok ekagco ogaoai ogc iceiek eka ica "
)
"""The triangles in a cell of eight voxels, for each way (1 to 254, bit 4z + 2y + x) in which these are in the region.

They are the cases of Lewiner et al. (Journal of Graphics Tools 8 (2003) 1-15) for a mask at level 0.5, in which a face
with two voxels of the region across a diagonal joins them, so that every surface is closed. A letter is a corner of a
triangle: the n-th is the point n = 9z + 3y + x, each coordinate 0, 1 or 2 halves of the cell's edge; seen from
outside the region, the corners run the same way round.
"""
VOXELS_IN_CELL = np.array([code.bit_count() for code in range(256)])
JOINED_FACE = np.array([0, 1, 1, 4, 1, 4, 6, 7, 1, 6, 4, 7, 4, 7, 7, 8]) / 8
"""The part of a face inside, by which of its four corners (bit 2y + x) are."""


@lru_cache(maxsize=1)
def corners() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return all triangles (n, 3 corners, z y x) in a cell of edge 1, and the code of the cell (n,) they belong to."""
    words = TRIANGLES.split()
    points = np.frombuffer("".join(words).encode(), dtype=np.uint8).astype(np.int64) - ord("a") + 1
    halves = np.stack([points // 9, points // 3 % 3, points % 3], axis=1)
    codes = np.repeat(np.arange(1, 255), [len(word) // 3 for word in words])
    return halves.reshape(-1, 3, 3) / 2, codes


@lru_cache(maxsize=1)
def cell_volumes() -> NDArray[np.float64]:
    """Return (256,) how much of a cell is inside the surface, by its code.

    By Gauss's theorem it is the flow of (z, 0, 0) out through the surface and through the upper face of the cell.
    """
    triangles, codes = corners()
    upward = _normals(triangles)[:, 0]
    flow = triangles[:, :, 0].mean(axis=1) * upward
    upper = JOINED_FACE[np.arange(256) >> 4]
    volumes: NDArray[np.float64] = np.bincount(codes, flow, minlength=256) + upper
    return volumes


@lru_cache(maxsize=64)
def cell_areas(spacing_mm: Triple) -> NDArray[np.float64]:
    """Return (256,) the area of the surface in a cell in mm^2, by its code."""
    triangles, codes = corners()
    areas = np.sqrt((_normals(triangles * np.asarray(spacing_mm)) ** 2).sum(axis=1))
    return np.bincount(codes, areas, minlength=256).astype(np.float64)


def _normals(triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 3) vectors that point out of the region, each as long as its triangle's area."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    return np.cross(c - a, b - a) / 2
